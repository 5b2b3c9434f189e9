# peers.sh - the servers that Fairlead is measured beside, on 127.0.0.1 and under $work; sourced after common.sh.
redis_port=$((port + 90))
command -v redis-server >/dev/null || { echo "error: redis-server is needed for comparison: apt-get install redis-server" >&2; exit 1; }

start_redis() {
    mkdir -p "$work/redis"
    redis-server --port $redis_port --dir "$work/redis" --save "" --appendonly yes --appendfsync always \
        --daemonize yes --logfile "$work/redis/log" >/dev/null
    until redis-cli -p $redis_port ping >/dev/null 2>&1; do sleep 0.1; done
}

stop_redis() {
    redis-cli -p $redis_port shutdown nosave >/dev/null 2>&1 || true
}

# Is etcd here, with what its load generator is built from?
has_etcd() {
    command -v etcd >/dev/null && command -v go >/dev/null && [ -d /usr/share/gocode/src/go.etcd.io/etcd/clientv3 ]
}

etcd_pids=
etcd_port() { # MEMBER: 1 to 3
    echo $((port + 60 + 2 * $1))
}

# Sets etcd_leader, the port of the leader for clients.
find_etcd_leader() {
    etcd_leader=$(ETCDCTL_API=3 etcdctl --command-timeout 3s \
        --endpoints "127.0.0.1:$(etcd_port 1),127.0.0.1:$(etcd_port 2),127.0.0.1:$(etcd_port 3)" endpoint status -w json 2>/dev/null |
        python3 -c '
import json, sys
members = json.load(sys.stdin)
leaders = [m["Endpoint"] for m in members if m["Status"]["leader"] == m["Status"]["header"]["member_id"]]
print(leaders[0].split(":")[1] if len(members) == 3 and leaders else "")' 2>/dev/null) || etcd_leader=
    [ -n "$etcd_leader" ]
}

start_etcd() {
    GO111MODULE=off GOFLAGS='' GOPATH=/usr/share/gocode GOCACHE="$work/go" go build -o "$work/etcd_load" "$bench/etcd_load.go"
    members=
    for k in 1 2 3; do members="$members,m$k=http://127.0.0.1:$(($(etcd_port $k) + 1))"; done
    for k in 1 2 3; do
        own=http://127.0.0.1:$(etcd_port $k)
        peer=http://127.0.0.1:$(($(etcd_port $k) + 1))
        etcd --name m$k --data-dir "$work/etcd$k" --listen-client-urls "$own" --advertise-client-urls "$own" \
            --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "${members#,}" \
            >"$work/etcd$k.log" 2>&1 &
        etcd_pids="$etcd_pids $!"
    done
    until find_etcd_leader; do sleep 0.2; done
}

stop_etcd() {
    [ -n "$etcd_pids" ] || return 0
    kill $etcd_pids 2>/dev/null || true
    wait $etcd_pids 2>/dev/null || true
    etcd_pids=
}

stop() {
    "$fairlead" down --dir "$work/cluster" >/dev/null 2>&1 || true
    stop_redis
    stop_etcd
}
