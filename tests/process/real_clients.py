"""Applications that count, through Debian's python3-redis: see real_clients.mjs.

real_clients.py RUN PORT[,PORT...] NAME...

One application for each NAME, "redis-py/sentinel" for instance, in a thread of its own, until standard input ends. Each try
becomes a line of JSON: whose, when it was answered (milliseconds since 1970), and how. The functions that connect are those of
docs/clients.md.
"""
import json
import logging
import sys
import threading
import time

import redis
from redis.backoff import ConstantBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException, ResponseError
from redis.retry import Retry
from redis.sentinel import Sentinel

PAUSE = 0.005
# Longer than the server's own limit of 4 s, so that it always speaks first.
LIMITS = {"socket_timeout": 6, "socket_connect_timeout": 1}
# Connecting is tried again. A command is not: none ends in the error that stands in retry_on_error.
PATIENCE = {"retry": Retry(ConstantBackoff(0.1), 100), "retry_on_error": [ConnectionRefusedError]}


def standalone(addresses, name):
    host, port = addresses[-1]
    return redis.Redis(host, port, client_name=name, **LIMITS, **PATIENCE)


def sentinel(addresses, name):
    sentinels = Sentinel(addresses, **LIMITS)
    return sentinels.master_for("mymaster", client_name=name, **LIMITS, **PATIENCE)


def cluster(addresses, name):
    nodes = [ClusterNode(host, port) for host, port in addresses]
    return RedisCluster(startup_nodes=nodes, client_name=name, cluster_error_retry_attempts=10, **LIMITS)


WAYS = {"redis-py/standalone": standalone, "redis-py/sentinel": sentinel, "redis-py/cluster": cluster}


class Application:
    def __init__(self, run, name, addresses, lock):
        connect = WAYS[name]
        self.name = name
        self.key = f"{run}:{name}"
        self.connect = lambda: connect(addresses, self.name)
        self.client = None
        self.lock = lock
        self.ended = False
        # The cluster client sends a command again whose answer was lost, and cannot be told not to: so it sets the count,
        # which may happen twice. And a replica that became the master spoils its map of a cluster with one master: so it is
        # made anew after an error that is no reply.
        self.is_cluster = connect is cluster
        self.count = 0

    def report(self, error=None):
        line = {"app": self.name, "t": int(time.time() * 1000)}
        if error is not None:
            line["error"] = f"{type(error).__name__}: {error}"[:200]
        with self.lock:
            print(json.dumps(line), flush=True)

    def increment(self):
        if self.client is None:
            self.client = self.connect()
        if self.is_cluster:
            self.client.set(self.key, self.count + 1)
            self.count += 1
        else:
            self.client.incr(self.key)

    def run(self):
        while not self.ended:
            try:
                self.increment()
                self.report()
            except (redis.RedisError, RedisClusterException, IndexError) as error:
                self.report(error)
                if self.is_cluster and not isinstance(error, ResponseError):
                    self.client = None
            time.sleep(PAUSE)


def main():
    # The cluster client speaks of its difficulties in both ways.
    logging.disable(logging.CRITICAL)
    sys.unraisablehook = lambda _: None
    run, ports, names = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
    addresses = [("127.0.0.1", int(port)) for port in ports]
    lock = threading.Lock()
    applications = [Application(run, name, addresses, lock) for name in names]
    threads = [threading.Thread(target=application.run) for application in applications]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    for application in applications:
        application.ended = True
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
