// Preloaded with --require: the cluster's host name is found on this machine, and no other name is looked up anywhere.
// Nothing on the machine is edited.
'use strict'
const dns = require('node:dns')

const host = process.env.DSQL_LOCAL_HOST

dns.lookup = (name, options, callback) => {
  if (typeof options === 'function') [options, callback] = [{}, options]
  if (typeof options === 'number') options = { family: options }
  if (name !== host) {
    process.nextTick(callback, Object.assign(new Error(`no lookup of ${name} in this test`), { code: 'ENOTFOUND' }))
    return
  }
  if (options && options.all) process.nextTick(callback, null, [{ address: '127.0.0.1', family: 4 }])
  else process.nextTick(callback, null, '127.0.0.1', 4)
}
