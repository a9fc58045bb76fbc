"use strict";
// The works through node-postgres: named statements, rows as arrays, its pipeline mode where that saves round trips, one
// TLS context for all connections.
const fs = require("fs");
const tls = require("tls");
const { Client, types } = require("pg");
const harness = require("./harness");

const work = harness.readWork();
const OID = 26;
types.setTypeParser(OID, Number);

const secureContext = work.tls === "disable" ? null : tls.createSecureContext({ ca: fs.readFileSync(work.ca) });

async function connect() {
  const client = new Client(
    secureContext
      ? {
          host: "localhost",
          port: work.port,
          user: "password_user",
          password: "secret",
          database: "postgres",
          ssl: { secureContext, servername: "localhost", ALPNProtocols: ["postgresql"] },
          sslnegotiation: work.tls,
        }
      : {
          host: "127.0.0.1",
          port: work.port,
          user: "trust_user",
          database: "postgres",
          ssl: false,
          pipeline: work.kind === "batch" || work.kind === "transfer",
        },
  );
  await client.connect();
  return client;
}

async function queryWork(clients) {
  const query = { name: "work", text: work.sql, values: work.args, rowMode: "array" };
  const first = await clients[0].query(query);
  return [harness.check(work.columns, first.rows), async (i) => (await clients[i].query(query)).rows.length];
}

async function batchWork(clients) {
  const query = { name: "work", text: work.sql, values: work.args };
  const once = async (i) => {
    const answers = [clients[i].query("begin")];
    for (let n = 0; n < work.rows; n++) answers.push(clients[i].query(query));
    answers.push(clients[i].query("commit"));
    await Promise.all(answers);
    return work.rows;
  };
  await once(0);
  return [0, once];
}

async function transferWork(clients) {
  const named = (name, text, values) => ({ name, text, values, rowMode: "array" });
  const once = async (i, n) => {
    const [source, sink] = harness.accounts(i, n);
    const client = clients[i];
    const begun = client.query(named("begin", harness.BEGIN));
    const balance = await client.query(named("read", harness.READ, [source]));
    await begun;
    if (balance.rows[0][0] < 1) throw new Error("the account is empty");
    await Promise.all([
      client.query(named("update", harness.UPDATE, [source, -1])),
      client.query(named("update", harness.UPDATE, [sink, 1])),
      client.query(named("commit", "commit")),
    ]);
    return 1;
  };
  await once(0, 0);
  return [0, once];
}

async function connectWork() {
  const run = async () => {
    const client = await connect();
    const result = await client.query({ text: work.sql, rowMode: "array" });
    await client.end();
    return result.rows;
  };
  return [harness.check(work.columns, await run()), async () => (await run()).length];
}

async function main() {
  const clients = [];
  if (work.kind !== "connect") for (let i = 0; i < work.connections; i++) clients.push(await connect());
  const kinds = { query: queryWork, batch: batchWork, transfer: transferWork, connect: connectWork };
  const [first, once] = await kinds[work.kind](clients);
  await harness.rounds(work, require("pg/package.json").version, first, once);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
