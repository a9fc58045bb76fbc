"use strict";
// The works through postgres.js: prepared statements, rows as arrays, its pipelining where that saves round trips, the
// query for array types only where there are arrays, one TLS context for all connections. An instance of one connection stands for a connection.
const fs = require("fs");
const path = require("path");
const tls = require("tls");
const postgres = require("postgres");
const harness = require("./harness");

const work = harness.readWork();
const secureContext = work.tls === "disable" ? null : tls.createSecureContext({ ca: fs.readFileSync(work.ca) });

function connect() {
  const common = { database: "postgres", port: work.port, max: 1, fetch_types: work.columns.includes("int4[]"), idle_timeout: 0, max_lifetime: null };
  if (!secureContext) return postgres({ ...common, host: "127.0.0.1", user: "trust_user", ssl: false });
  return postgres({
    ...common,
    host: "localhost",
    user: "password_user",
    password: "secret",
    ssl: { secureContext, servername: "localhost", ALPNProtocols: ["postgresql"] },
    sslnegotiation: work.tls === "direct" ? "direct" : null,
  });
}

// unsafe() is how SQL that is not a template literal is run; prepare makes it a named statement all the same.
const run = (sql, text, values) => sql.unsafe(text, values, { prepare: true });

async function queryWork(connections) {
  const once = async (i) => (await run(connections[i], work.sql, work.args).values()).length;
  const first = await run(connections[0], work.sql, work.args).values();
  return [harness.check(work.columns, first), once];
}

async function batchWork(connections) {
  const once = async (i) => {
    const sql = connections[i];
    const answers = [sql.unsafe("begin")];
    for (let n = 0; n < work.rows; n++) answers.push(run(sql, work.sql, work.args));
    answers.push(sql.unsafe("commit"));
    await Promise.all(answers);
    return work.rows;
  };
  await once(0);
  return [0, once];
}

async function transferWork(connections) {
  const once = async (i, n) => {
    const [source, sink] = harness.accounts(i, n);
    const sql = connections[i];
    const [, balance] = await Promise.all([run(sql, harness.BEGIN, []), run(sql, harness.READ, [source]).values()]);
    if (balance[0][0] < 1) throw new Error("the account is empty");
    await Promise.all([
      run(sql, harness.UPDATE, [source, -1]),
      run(sql, harness.UPDATE, [sink, 1]),
      run(sql, "commit", []),
    ]);
    return 1;
  };
  await once(0, 0);
  return [0, once];
}

async function connectWork() {
  const once = async () => {
    const sql = connect();
    const rows = await sql.unsafe(work.sql).values();
    await sql.end();
    return rows;
  };
  return [harness.check(work.columns, await once()), async () => (await once()).length];
}

function version() {
  const folder = path.dirname(require.resolve("postgres"));
  return JSON.parse(fs.readFileSync(path.join(folder, "..", "..", "package.json"))).version;
}

async function main() {
  const connections = [];
  if (work.kind !== "connect") for (let i = 0; i < work.connections; i++) connections.push(connect());
  const kinds = { query: queryWork, batch: batchWork, transfer: transferWork, connect: connectWork };
  const [first, once] = await kinds[work.kind](connections);
  await harness.rounds(work, version(), first, once);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
