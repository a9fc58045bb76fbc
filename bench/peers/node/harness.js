"use strict";
// What the Node programs do alike; the rules are in ../round.h. Both clients decode while they fetch: the sum is made of
// the first result only, so that no time of ours is counted as theirs.
const fs = require("fs");

const SPAN = 100;
const CANNOT = 3;
const BEGIN = "begin isolation level repeatable read";
const READ = "select balance from accounts where id = $1";
const UPDATE = "update accounts set balance = balance + $2 where id = $1";
const EPOCH_MS = Date.UTC(2000, 0, 1);

function argument(text) {
  const at = text.indexOf(":");
  const value = text.slice(at + 1);
  switch (text.slice(0, at)) {
    case "int4":
    case "float8":
      return Number(value);
    case "bool":
      return value === "true";
    default:
      return value;
  }
}

function words(name) {
  return process.env[name].split(" ").filter((word) => word);
}

function readWork() {
  if (process.argv.length !== 6) throw new Error("usage: PROGRAM WORK SECONDS WARM_UP_SECONDS CONNECTIONS");
  const [name, seconds, warmUp, connections] = process.argv.slice(2);
  const { BENCH_KIND, BENCH_SQL, BENCH_ROWS, BENCH_TLS, BENCH_PORT, BENCH_CA } = process.env;
  if (!["query", "batch", "connect", "transfer"].includes(BENCH_KIND)) process.exit(CANNOT);
  return {
    name,
    seconds: Number(seconds),
    warmUp: Number(warmUp),
    connections: Number(connections),
    kind: BENCH_KIND,
    sql: BENCH_SQL,
    rows: Number(BENCH_ROWS),
    tls: BENCH_TLS,
    port: Number(BENCH_PORT),
    ca: BENCH_CA,
    args: words("BENCH_ARGS").map(argument),
    columns: words("BENCH_COLUMNS"),
  };
}

function textCheck(value) {
  const data = Buffer.from(value);
  return data.length ? data.length + data[0] + data[data.length - 1] : 0;
}

function fieldCheck(kind, value) {
  switch (kind) {
    case "name":
    case "text":
    case "bytea":
      return textCheck(value);
    case "char":
      return value.charCodeAt(0);
    case "date":
      return Math.floor((value.getTime() - EPOCH_MS) / 86400000);
    case "timestamptz":
      return Math.floor((value.getTime() - EPOCH_MS) / 1000);
    case "int4[]":
      return value.reduce((sum, element) => sum + fieldCheck("int4", element), 0);
    default:
      if (typeof value !== (kind === "bool" ? "boolean" : "number")) throw new Error(`${kind} came as ${typeof value}`);
      return Number(value);
  }
}

/** rows are arrays of fields. */
function check(columns, rows) {
  let sum = 0;
  for (const row of rows) columns.forEach((kind, i) => (sum += fieldCheck(kind, row[i])));
  return sum;
}

function accounts(worker, n) {
  return [worker * SPAN + (n % SPAN), worker * SPAN + ((n + 1) % SPAN)];
}

async function worker(once, index, deadline, latencies) {
  let rows = 0;
  let begun = performance.now();
  for (let n = 0; ; n++) {
    rows += await once(index, n);
    const now = performance.now();
    latencies.push(now - begun);
    begun = now;
    if (now >= deadline) return rows;
  }
}

async function round(once, connections, seconds) {
  const latencies = [];
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const workers = [];
  for (let i = 0; i < connections; i++) workers.push(worker(once, i, begin + seconds * 1000, latencies));
  const rows = await Promise.all(workers);
  const took = performance.now() - begin;
  const used = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  return {
    queries: latencies.length,
    rows: rows.reduce((a, b) => a + b, 0),
    seconds: took / 1e3,
    cpu_s: (used.user + used.system) / 1e6,
    rss_kb: Math.round(process.memoryUsage.rss() / 1024),
    p50_us: latencies[Math.floor(latencies.length / 2)] * 1e3,
    p99_us: latencies[Math.floor(latencies.length * 0.99)] * 1e3,
  };
}

function print(object) {
  fs.writeSync(1, JSON.stringify(object) + "\n");
}

/** Blocks until a line has come; false at the end of the input. Nothing else is to be done meanwhile. */
function readLine() {
  const byte = Buffer.alloc(1);
  for (;;) {
    if (fs.readSync(0, byte, 0, 1, null) === 0) return false;
    if (byte[0] === 10) return true;
  }
}

async function rounds(work, version, firstCheck, once) {
  await round(once, work.connections, work.warmUp);
  print({ ready: work.name, version, check: firstCheck });
  while (readLine()) print(await round(once, work.connections, work.seconds));
  process.exit(0);
}

module.exports = { BEGIN, READ, UPDATE, readWork, check, accounts, rounds };
