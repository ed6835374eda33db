// SPDX-License-Identifier: LGPL-2.1-or-later
// Preloaded into a client whose ports are fixed: BREVET_PORTS=443=20443,8883=28883 sends what is meant for port 443 of this machine
// to port 20443. Nothing else of the client changes: names, certificates and its own idea of the port stay as they are.
'use strict';
const net = require('node:net');

const ports = new Map(process.env.BREVET_PORTS.split(',').map((pair) => pair.split('=').map(Number)));
const connect = net.Socket.prototype.connect;

function redirect(options) {
  const port = ports.get(Number(options.port));
  // The service listens on IPv4 only; older releases of Node take the first address of localhost, whichever that is.
  return port === undefined ? options : { ...options, port, family: 4 };
}

net.Socket.prototype.connect = function (...values) {
  // net.connect() hands over one list of options and callback, tls.connect() the options themselves.
  if (Array.isArray(values[0]))
    values[0][0] = redirect(values[0][0]);
  else if (typeof values[0] === 'object')
    values[0] = redirect(values[0]);
  return connect.apply(this, values);
};
