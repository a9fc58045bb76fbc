// The official connector against dsql local. Credentials come from the environment, the CA from NODE_EXTRA_CA_CERTS.
'use strict'
const assert = require('node:assert/strict')
const { AuroraDSQLClient, AuroraDSQLPool, isOCCError } = require('@aws/aurora-dsql-node-postgres-connector')

const host = process.env.DSQL_LOCAL_HOST
const port = Number(process.env.DSQL_LOCAL_PORT)
const config = (extra) => ({ host, port, ...extra })

async function withClient(extra, work) {
  const client = new AuroraDSQLClient(config(extra))
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function connects() {
  await withClient({}, async (client) => {
    const { rows } = await client.query(
      'SELECT current_user AS user, $1::int4 + 1 AS sum, current_setting($2) AS app', [41, 'application_name'])
    assert.equal(rows[0].user, 'admin')
    assert.equal(rows[0].sum, 42)
    assert.match(rows[0].app, /^aurora-dsql-nodejs-pg\//)
  })
  await withClient({ user: 'reader' }, async (client) => {
    const { rows } = await client.query('SELECT current_user AS user')
    assert.equal(rows[0].user, 'reader')
  })
}

async function crud() {
  await withClient({}, async (client) => {
    await client.query(`CREATE TABLE IF NOT EXISTS owner (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      name varchar(30) NOT NULL, city varchar(80) NOT NULL, telephone varchar(20))`)
    const inserted = await client.query('INSERT INTO owner (name, city) VALUES ($1, $2) RETURNING id', ['Jo', 'Rome'])
    const { id } = inserted.rows[0]
    await client.query('UPDATE owner SET telephone = $1 WHERE id = $2', ['555', id])
    const selected = await client.query('SELECT name, city, telephone FROM owner WHERE id = $1', [id])
    assert.deepEqual(selected.rows, [{ name: 'Jo', city: 'Rome', telephone: '555' }])
    assert.equal((await client.query('DELETE FROM owner WHERE id = $1', [id])).rowCount, 1)
  })
}

async function pool() {
  const pool = new AuroraDSQLPool(config({ max: 4 }))
  const sums = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async (n) => {
    const client = await pool.connect()
    try {
      return (await client.query('SELECT $1::int AS n', [n])).rows[0].n
    } finally {
      client.release()
    }
  }))
  assert.deepEqual(sums, [1, 2, 3, 4, 5, 6, 7, 8])
  await pool.end()
}

async function badTokens() {
  const denied = /unable to accept connection, access denied/
  const withKeys = (customCredentialsProvider) => withClient({ customCredentialsProvider }, () => {})
  await assert.rejects(withKeys({ accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: 'wrong' }), denied)
  await assert.rejects(withKeys({ accessKeyId: 'AKIAWRONG', secretAccessKey: 'wrong' }), denied)
  await assert.rejects(withClient({ region: 'eu-west-1' }, () => {}), denied)
  await assert.rejects(withClient({ user: 'stranger' }, () => {}), denied)
  await assert.rejects(withClient({ tokenDurationSecs: 604801 }, () => {}), /604800|week/)
}

// T1 reads, T2 commits a write to the same row, T1 writes: the connector runs T1 again, and it succeeds.
async function conflict() {
  await withClient({}, async (client) => {
    await client.query('CREATE TABLE counter (id int PRIMARY KEY, n int NOT NULL)')
    await client.query('INSERT INTO counter VALUES (1, 0)')
  })
  let runs = 0
  await withClient({}, (client) => client.transaction(async (t1) => {
    runs++
    const { rows } = await t1.query('SELECT n FROM counter WHERE id = 1')
    if (runs === 1) await withClient({}, (t2) => t2.query('UPDATE counter SET n = 100 WHERE id = 1'))
    await t1.query('UPDATE counter SET n = $1 WHERE id = 1', [rows[0].n + 1])
  }))
  assert.equal(runs, 2)
  await withClient({}, async (client) => {
    assert.equal((await client.query('SELECT n FROM counter')).rows[0].n, 101)
  })
}

async function conflictSeen() {
  await withClient({}, async (client) => {
    await client.query('BEGIN')
    await client.query('SELECT n FROM counter')
    await withClient({}, (other) => other.query('UPDATE counter SET n = n + 1'))
    await assert.rejects(client.query('UPDATE counter SET n = 0').then(() => client.query('COMMIT')), (error) => {
      assert.equal(error.code, '40001')
      assert.match(error.message, /\(OC000\)/)
      return isOCCError(error)
    })
  })
}

async function main() {
  for (const test of [connects, crud, pool, badTokens, conflict, conflictSeen]) {
    await test()
    console.log(`ok ${test.name}`)
  }
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
