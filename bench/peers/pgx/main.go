// The works of ../round.h through pgx: prepared statements, rows scanned into typed variables, batches where they save
// round trips. One processor at a time, as in MagicStack's pgbench: the servers need the others.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	span    = 100
	cannot  = 3
	begin   = "begin isolation level repeatable read"
	read    = "select balance from accounts where id = $1"
	update  = "update accounts set balance = balance + $2 where id = $1"
	commit  = "commit"
	module  = "github.com/jackc/pgx/v5"
	settled = "work"
)

var (
	ctx   = context.Background()
	epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
)

type once func(index int, n int) int

type work struct {
	name, kind, sql, tls, port, ca string
	seconds, warmUp                time.Duration
	connections, rows              int
	args                           []any
	columns                        []string
	config                         *pgx.ConnConfig
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func argument(text string) any {
	kind, value, _ := strings.Cut(text, ":")
	switch kind {
	case "int4":
		return int32(must(strconv.ParseInt(value, 10, 32)))
	case "bool":
		return value == "true"
	case "float8":
		return must(strconv.ParseFloat(value, 64))
	}
	return value
}

func seconds(text string) time.Duration { return must(time.ParseDuration(text + "s")) }

func readWork() *work {
	if len(os.Args) != 5 {
		log.Fatal("usage: PROGRAM WORK SECONDS WARM_UP_SECONDS CONNECTIONS")
	}
	w := &work{
		name: os.Args[1], seconds: seconds(os.Args[2]), warmUp: seconds(os.Args[3]),
		connections: must(strconv.Atoi(os.Args[4])),
		kind:        os.Getenv("BENCH_KIND"), sql: os.Getenv("BENCH_SQL"), tls: os.Getenv("BENCH_TLS"),
		port: os.Getenv("BENCH_PORT"), ca: os.Getenv("BENCH_CA"),
		rows:    must(strconv.Atoi(os.Getenv("BENCH_ROWS"))),
		columns: strings.Fields(os.Getenv("BENCH_COLUMNS")),
	}
	for _, a := range strings.Fields(os.Getenv("BENCH_ARGS")) {
		w.args = append(w.args, argument(a))
	}
	w.config = w.connectConfig()
	return w
}

// One TLS configuration for all connections: the certificates are read once.
func (w *work) connectConfig() *pgx.ConnConfig {
	if w.tls == "disable" {
		return must(pgx.ParseConfig("host=127.0.0.1 port=" + w.port + " dbname=postgres user=trust_user sslmode=disable"))
	}
	config := must(pgx.ParseConfig("host=127.0.0.1 port=" + w.port + " dbname=postgres user=password_user " +
		"password=secret sslmode=require sslnegotiation=" + w.tls))
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(must(os.ReadFile(w.ca))) {
		log.Fatal("no certificates in ", w.ca)
	}
	config.TLSConfig = &tls.Config{ServerName: "localhost", RootCAs: roots, NextProtos: []string{"postgresql"}}
	config.Fallbacks = nil
	return config
}

// ---- fields ----

// A scanner owns a variable for every column: Scan decodes into them, sum adds them up.
type scanner struct {
	columns []string
	targets []any
}

func newScanner(columns []string) *scanner {
	s := &scanner{columns: columns}
	for _, c := range columns {
		switch c {
		case "int2":
			s.targets = append(s.targets, new(int16))
		case "int4":
			s.targets = append(s.targets, new(int32))
		case "oid":
			s.targets = append(s.targets, new(uint32))
		case "bool":
			s.targets = append(s.targets, new(bool))
		case "char":
			s.targets = append(s.targets, new(byte))
		case "name", "text":
			s.targets = append(s.targets, new(string))
		case "bytea":
			s.targets = append(s.targets, new([]byte))
		case "int4[]":
			s.targets = append(s.targets, new([]int32))
		case "date", "timestamptz":
			s.targets = append(s.targets, new(time.Time))
		default:
			os.Exit(cannot)
		}
	}
	return s
}

func textSum[T string | []byte](v T) int64 {
	if len(v) == 0 {
		return 0
	}
	return int64(len(v)) + int64(v[0]) + int64(v[len(v)-1])
}

func (s *scanner) sum() int64 {
	sum := int64(0)
	for i, target := range s.targets {
		switch v := target.(type) {
		case *int16:
			sum += int64(*v)
		case *int32:
			sum += int64(*v)
		case *uint32:
			sum += int64(*v)
		case *byte:
			sum += int64(*v)
		case *bool:
			if *v {
				sum++
			}
		case *string:
			sum += textSum(*v)
		case *[]byte:
			sum += textSum(*v)
		case *[]int32:
			for _, element := range *v {
				sum += int64(element)
			}
		case *time.Time:
			since := int64(v.Sub(epoch) / time.Second)
			if s.columns[i] == "date" {
				since /= 86400
			}
			sum += since
		}
	}
	return sum
}

func (s *scanner) take(rows pgx.Rows) (int, int64) {
	n, sum := 0, int64(0)
	for rows.Next() {
		check(rows.Scan(s.targets...))
		sum += s.sum()
		n++
	}
	check(rows.Err())
	return n, sum
}

// ---- works ----

func (w *work) connect() *pgx.Conn { return must(pgx.ConnectConfig(ctx, w.config)) }

func (w *work) connectAll(statements map[string]string) []*pgx.Conn {
	all := make([]*pgx.Conn, w.connections)
	for i := range all {
		all[i] = w.connect()
		for name, sql := range statements {
			must(all[i].Prepare(ctx, name, sql))
		}
	}
	return all
}

func (w *work) query() (int64, once) {
	connections := w.connectAll(map[string]string{settled: w.sql})
	scanners := make([]*scanner, w.connections)
	for i := range scanners {
		scanners[i] = newScanner(w.columns)
	}
	run := func(index int) (int, int64) {
		return scanners[index].take(must(connections[index].Query(ctx, settled, w.args...)))
	}
	_, first := run(0)
	return first, func(index, n int) int { rows, _ := run(index); return rows }
}

func (w *work) batch() (int64, once) {
	connections := w.connectAll(map[string]string{settled: w.sql})
	return 0, func(index, n int) int {
		batch := &pgx.Batch{}
		for range w.rows {
			batch.Queue(settled, w.args...)
		}
		results := connections[index].SendBatch(ctx, batch)
		for range w.rows {
			must(results.Exec())
		}
		check(results.Close())
		return w.rows
	}
}

func (w *work) copyIn() (int64, once) {
	connections := w.connectAll(nil)
	columns := strings.Split("abcdefg", "")
	return 0, func(index, n int) int {
		source := pgx.CopyFromSlice(w.rows, func(int) ([]any, error) { return w.args, nil })
		return int(must(connections[index].CopyFrom(ctx, pgx.Identifier{"_test"}, columns, source)))
	}
}

func (w *work) transfer() (int64, once) {
	connections := w.connectAll(map[string]string{"begin": begin, "read": read, "update": update, "commit": commit})
	return 0, func(index, n int) int {
		source, sink := int32(index*span+n%span), int32(index*span+(n+1)%span)
		var balance int32
		first := &pgx.Batch{}
		first.Queue("begin")
		first.Queue("read", source).QueryRow(func(row pgx.Row) error { return row.Scan(&balance) })
		check(connections[index].SendBatch(ctx, first).Close())
		if balance < 1 {
			check(errors.New("the account is empty"))
		}
		second := &pgx.Batch{}
		second.Queue("update", source, int32(-1))
		second.Queue("update", sink, int32(1))
		second.Queue("commit")
		check(connections[index].SendBatch(ctx, second).Close())
		return 1
	}
}

func (w *work) connects() (int64, once) {
	scan := newScanner(w.columns)
	run := func() int64 {
		c := w.connect()
		_, sum := scan.take(must(c.Query(ctx, w.sql, pgx.QueryExecModeDescribeExec)))
		check(c.Close(ctx))
		return sum
	}
	return run(), func(index, n int) int { run(); return 1 }
}

// ---- rounds ----

type figures struct {
	Queries int     `json:"queries"`
	Rows    int     `json:"rows"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_s"`
	RSS     int     `json:"rss_kb"`
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func rssKB() int {
	for _, line := range strings.Split(string(must(os.ReadFile("/proc/self/status"))), "\n") {
		if strings.HasPrefix(line, "VmRSS:") {
			return must(strconv.Atoi(strings.Fields(line)[1]))
		}
	}
	return 0
}

func worker(run once, index int, deadline time.Time) (latencies []time.Duration, rows int) {
	begun := time.Now()
	for n := 0; ; n++ {
		rows += run(index, n)
		now := time.Now()
		latencies = append(latencies, now.Sub(begun))
		begun = now
		if !now.Before(deadline) {
			return latencies, rows
		}
	}
}

func round(w *work, run once, length time.Duration) figures {
	var group sync.WaitGroup
	latencies, rows := make([][]time.Duration, w.connections), make([]int, w.connections)
	cpu, start := cpuSeconds(), time.Now()
	for i := range w.connections {
		group.Go(func() { latencies[i], rows[i] = worker(run, i, start.Add(length)) })
	}
	group.Wait()
	f := figures{Seconds: time.Since(start).Seconds(), CPU: cpuSeconds() - cpu, RSS: rssKB()}
	all := []time.Duration{}
	for i := range latencies {
		all = append(all, latencies[i]...)
		f.Rows += rows[i]
	}
	sort.Slice(all, func(i, k int) bool { return all[i] < all[k] })
	f.Queries = len(all)
	f.P50 = float64(all[len(all)/2].Nanoseconds()) / 1e3
	f.P99 = float64(all[len(all)*99/100].Nanoseconds()) / 1e3
	return f
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == module {
			return strings.TrimPrefix(m.Version, "v")
		}
	}
	return "unknown"
}

func main() {
	runtime.GOMAXPROCS(1)
	w := readWork()
	kinds := map[string]func() (int64, once){
		"query": w.query, "batch": w.batch, "transfer": w.transfer, "connect": w.connects,
		"copy": w.copyIn,
	}
	kind, known := kinds[w.kind]
	if !known {
		os.Exit(cannot)
	}
	first, run := kind()
	round(w, run, w.warmUp)
	fmt.Printf("{\"ready\":%q,\"version\":%q,\"check\":%d}\n", w.name, version(), first)
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		fmt.Println(string(must(json.Marshal(round(w, run, w.seconds)))))
	}
}
