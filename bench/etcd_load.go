// etcd_load - the counterpart of load.c for etcd: a closed loop through etcd's own Go client.
//
//	etcd_load -endpoint H:P -mode set|get|fill [-clients N] [-connections K] [-seconds S] [-size BYTES] [-keys K] [-name NAME]
//
// N callers share K connections (the client multiplexes calls on one); each puts or gets one key at a time, gets being etcd's
// linearizable ones. One second of warming up is not counted. "fill" puts each key once, 100 to a transaction. Prints the same lines
// as load.c. Builds with Debian's golang-go and golang-etcd-server-dev.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math/rand"
	"sort"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/clientv3"
)

var (
	endpoint    = flag.String("endpoint", "", "H:P of the member to ask")
	mode        = flag.String("mode", "set", "set, get or fill")
	clients     = flag.Int("clients", 50, "callers at a time")
	connections = flag.Int("connections", 16, "connections they share")
	seconds     = flag.Int("seconds", 4, "time that is counted")
	size        = flag.Int("size", 128, "bytes of a value")
	keys        = flag.Int("keys", 100000, "keys")
	name        = flag.String("name", "etcd", "what the lines begin with")
)

func keyOf(number int) string {
	return fmt.Sprintf("k:%010d", number)
}

func connect() *clientv3.Client {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{*endpoint}, DialTimeout: 5 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func fill(client *clientv3.Client, value string) {
	const each = 100
	for first := 0; first < *keys; first += each {
		puts := make([]clientv3.Op, 0, each)
		for k := first; k < first+each && k < *keys; k++ {
			puts = append(puts, clientv3.OpPut(keyOf(k), value))
		}
		if _, err := client.Txn(context.Background()).Then(puts...).Commit(); err != nil {
			log.Fatal(err)
		}
	}
}

// What one caller saw between begin and end.
type tally struct {
	latencies []time.Duration
	errors    int
}

func call(client *clientv3.Client, random *rand.Rand, value string) error {
	key := keyOf(random.Intn(*keys))
	if *mode == "get" {
		_, err := client.Get(context.Background(), key)
		return err
	}
	_, err := client.Put(context.Background(), key, value)
	return err
}

func loop(client *clientv3.Client, number int64, begin, end time.Time, value string, seen *tally) {
	random := rand.New(rand.NewSource(number))
	for {
		sent := time.Now()
		if sent.After(end) {
			return
		}
		err := call(client, random, value)
		if sent.Before(begin) {
			continue
		}
		seen.latencies = append(seen.latencies, time.Since(sent))
		if err != nil {
			seen.errors++
		}
	}
}

func report(tallies []tally) {
	var all []time.Duration
	errors := 0
	for _, seen := range tallies {
		all = append(all, seen.latencies...)
		errors += seen.errors
	}
	if len(all) == 0 {
		log.Fatal("no call was answered")
	}
	sort.Slice(all, func(a, b int) bool { return all[a] < all[b] })
	at := func(part float64) int64 { return all[int(part*float64(len(all)-1))].Microseconds() }
	fmt.Printf("%s.ops %d ops/s\n%s.p50 %d us\n%s.p99 %d us\n%s.errors %d count\n", *name, len(all) / *seconds, *name, at(0.50),
		*name, at(0.99), *name, errors)
}

func main() {
	flag.Parse()
	value := strings.Repeat("x", *size)
	if *mode == "fill" {
		fill(connect(), value)
		return
	}
	shared := make([]*clientv3.Client, *connections)
	for k := range shared {
		shared[k] = connect()
	}
	begin := time.Now().Add(time.Second)
	end := begin.Add(time.Duration(*seconds) * time.Second)
	tallies := make([]tally, *clients)
	var callers sync.WaitGroup
	for k := range tallies {
		callers.Add(1)
		go func(k int) {
			defer callers.Done()
			loop(shared[k%len(shared)], int64(k), begin, end, value, &tallies[k])
		}(k)
	}
	callers.Wait()
	report(tallies)
}
