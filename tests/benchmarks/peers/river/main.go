// The runner of River, with the settings of River's own benchmark. ../runner.py describes the
// arguments.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"golang.org/x/sys/unix"
)

const (
	wanted, behind    = 1, 4 // priorities: smaller numbers come first
	chunk             = 10_000
	warmUp            = 20 // jobs before the measurement, which open connections and fill caches
	fetchCooldown     = 2 * time.Millisecond
	fetchPollInterval = 20 * time.Millisecond
	maxWorkers        = 2_000
)

type nothing struct {
	N int `json:"n"`
}

func (nothing) Kind() string { return "nothing" }

type worker struct {
	river.WorkerDefaults[nothing]
	began func(int)
}

func (w *worker) Work(_ context.Context, job *river.Job[nothing]) error {
	w.began(job.Args.N)
	return nil
}

// now returns the time of the machine's monotonic clock, which all runners report.
func now() float64 {
	var at unix.Timespec
	must(unix.ClockGettime(unix.CLOCK_MONOTONIC, &at))
	return float64(at.Sec) + float64(at.Nsec)/1e9
}

func must(err error) {
	if err != nil {
		slog.Error("river", "error", err)
		os.Exit(1)
	}
}

func tell(what map[string]any) {
	line, err := json.Marshal(what)
	must(err)
	out := bufio.NewWriter(os.Stdout)
	_, err = out.Write(append(line, '\n'))
	must(err)
	must(out.Flush())
}

func whole(text string) int {
	number, err := strconv.Atoi(text)
	must(err)
	return number
}

func client(pool *pgxpool.Pool, config *river.Config) *river.Client[pgx.Tx] {
	config.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	made, err := river.NewClient(riverpgxv5.New(pool), config)
	must(err)
	return made
}

func enqueue(ctx context.Context, producer *river.Client[pgx.Tx], number int) {
	_, err := producer.Insert(ctx, nothing{number}, &river.InsertOpts{Priority: wanted})
	must(err)
}

func one(ctx context.Context, pool *pgxpool.Pool, count int) {
	producer := client(pool, &river.Config{})
	for number := count; number < count+warmUp; number++ {
		enqueue(ctx, producer, number)
	}
	begun := now()
	for number := 0; number < count; number++ {
		enqueue(ctx, producer, number)
	}
	tell(map[string]any{"seconds": now() - begun})
}

func bulk(ctx context.Context, pool *pgxpool.Pool, first, count int, manner string) {
	producer := client(pool, &river.Config{})
	priority := behind
	if manner == "wanted" {
		priority = wanted
	}
	begun := now()
	for at := first; at < first+count; at += chunk {
		jobs := make([]river.InsertManyParams, 0, chunk)
		for number := at; number < min(at+chunk, first+count); number++ {
			opts := &river.InsertOpts{Priority: priority}
			jobs = append(jobs, river.InsertManyParams{Args: nothing{number}, InsertOpts: opts})
		}
		_, err := producer.InsertManyFast(ctx, jobs)
		must(err)
	}
	tell(map[string]any{"seconds": now() - begun})
}

func ping(ctx context.Context, pool *pgxpool.Pool, count int) {
	producer := client(pool, &river.Config{})
	for number := 0; number < count; number++ {
		time.Sleep(100*time.Millisecond + time.Duration(rand.Int63n(int64(100*time.Millisecond))))
		asked := now()
		enqueue(ctx, producer, number)
		tell(map[string]any{"job": number, "asked_at": asked})
	}
}

func work(ctx context.Context, pool *pgxpool.Pool, manner string) {
	var lock sync.Mutex
	begun := []int{}
	began := func(number int) {
		lock.Lock()
		defer lock.Unlock()
		begun = append(begun, number)
		if manner == "tell" {
			tell(map[string]any{"job": number, "at": now()})
		}
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{began: began})
	running := client(pool, &river.Config{
		FetchCooldown:     fetchCooldown,
		FetchPollInterval: fetchPollInterval,
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: maxWorkers}},
		Workers:           workers,
	})
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	must(running.Start(ctx))
	<-told
	lock.Lock()
	tell(map[string]any{"begun": begun})
	os.Exit(0)
}

func main() {
	ctx := context.Background()
	action, url, rest := os.Args[1], os.Args[2], os.Args[3:]
	pool, err := pgxpool.New(ctx, url)
	must(err)
	switch action {
	case "prepare":
		migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
		must(err)
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
		must(err)
		tell(map[string]any{"prepared": true})
	case "one":
		one(ctx, pool, whole(rest[0]))
	case "bulk":
		bulk(ctx, pool, whole(rest[0]), whole(rest[1]), rest[2])
	case "ping":
		ping(ctx, pool, whole(rest[0]))
	case "work":
		work(ctx, pool, rest[0])
	}
}
