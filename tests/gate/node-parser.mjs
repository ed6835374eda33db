// SPDX-License-Identifier: LGPL-2.1-or-later
// Compares our request reader with Node's on the same bytes: what Node refuses we must refuse too, and what both accept must mean
// the same. node-parser.mjs DUMP CORPUS
import http from 'node:http';
import net from 'node:net';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';

// Where we are stricter than Node on purpose. A case that is missing here, or is here without need, fails the test.
const stricter = new Map(Object.entries({
  'bad-absolute-form': 'no client of ours goes through a proxy that sends it',
  'bad-absolute-form-other-host': 'two hosts in one request',
  'bad-asterisk-form': 'nothing here is asked about the whole server',
  'bad-backslash-in-target': 'not a character of a URI',
  'bad-bad-percent': 'half an escape',
  'bad-chunk-extension': 'no client sends one, and servers disagree about them',
  'bad-expect-other': '417',
  'bad-fragment': 'a fragment is not sent',
  'bad-high-byte-in-value': 'no field that we read has one',
  'bad-host-with-comma': 'not a host name',
  'bad-host-with-path': 'not a host name',
  'bad-host-with-user': 'not a host name',
  'bad-http-0-9': 'a version older than all clients',
  'bad-leading-line': 'an empty line before the request',
  'bad-percent-not-hexadecimal': 'half an escape',
  'bad-quote-in-target': 'not a character of a URI',
  'bad-te-list': 'Node leaves gzip to the program',
  'bad-too-many-fields': 'a limit of ours',
  'bad-trailer': 'no client sends one, and servers disagree about them',
  'bad-two-authorizations': 'Node takes the first',
  'bad-two-hosts': 'Node takes the first',
  'bad-two-spaces': 'one space, says the grammar',
}));

// What Node refuses since version 20; Debian 12 has 18, which still let these pass.
const refusedSince20 = new Map(Object.entries({
  'bad-bare-line-feed-at-end': 'a line feed alone ends no line',
  'bad-bare-line-feed-in-request-line': 'a line feed alone ends no line',
  'bad-chunk-extension-empty': 'no client sends one, and servers disagree about them',
  'bad-chunk-last-bare-return': 'a carriage return alone ends no line',
  'bad-empty-name': 'a field has a name',
  'bad-high-byte-in-target': 'not a character of a URI',
  'bad-name-with-space': 'a name is one token',
  'bad-no-host': 'HTTP/1.1 needs one',
  'bad-te-in-1-0': 'HTTP/1.0 has no chunks',
  'bad-trailer-content-length': 'a length after the body',
}));
const nodeIsOld = Number(process.versions.node.split('.')[0]) < 20;

const [dump, corpus] = process.argv.slice(2);
const names = fs.readdirSync(corpus).sort();
const ours = new Map(execFileSync(dump, names.map((name) => path.join(corpus, name)), { maxBuffer: 1 << 26 }).toString().trim()
  .split('\n').map((line) => JSON.parse(line)).map((result) => [result.file, result]));

// The same form as ours: names in lower case, repeated fields joined.
function joinHeaders(raw) {
  const headers = new Map();
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i].toLowerCase();
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${raw[i + 1]}` : raw[i + 1]);
  }
  return [...headers];
}

function askNode(bytes) {
  return new Promise((resolve) => {
    const requests = [];
    let begun = 0, failed = false;
    const take = (request, response) => {
      begun++;
      const chunks = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        requests.push({ method: request.method, target: request.url, headers: joinHeaders(request.rawHeaders),
                        body: Buffer.concat(chunks).toString('base64') });
        response.end();
      });
      request.on('error', () => { failed = true; });
    };
    const server = http.createServer({ insecureHTTPParser: false, maxHeaderSize: 16384, requireHostHeader: true }, take);
    // Node answers by itself, with an error or with a tunnel, in these cases.
    server.on('checkExpectation', take);
    server.on('connect', (request, socket) => { failed = true; socket.destroy(); });
    server.on('clientError', (error, socket) => { failed = true; socket.destroy(); });
    server.listen(0, '127.0.0.1', () => {
      const client = net.connect(server.address().port, '127.0.0.1');
      let answer = '';
      client.on('data', (data) => { answer += data.toString('latin1'); });
      client.on('error', () => {});
      client.on('close', () => server.close(() => {
        // A missing Host is answered with 400 before any handler is called.
        if (/^HTTP\/1\.1 4/m.test(answer)) failed = true;
        resolve({ accepted: !failed && begun === requests.length && begun > 0, requests });
      }));
      client.end(bytes);
    });
  });
}

let failures = 0;
console.log(`1..${names.length}`);
for (const [index, name] of names.entries()) {
  const node = await askNode(fs.readFileSync(path.join(corpus, name)));
  const our = ours.get(name);
  let fault = null;
  if (our.accepted && !node.accepted)
    fault = 'Node refuses what we accept';
  else if (!our.accepted && node.accepted && !stricter.has(name) && !(nodeIsOld && refusedSince20.has(name)))
    fault = 'we refuse what Node accepts, and nobody says why';
  else if (stricter.has(name) && (our.accepted || !node.accepted))
    fault = 'it is listed as stricter without need';
  else if (our.accepted !== name.startsWith('good-'))
    fault = `we ${our.accepted ? 'accept' : 'refuse'} it`;
  else if (our.accepted && JSON.stringify(our.requests) !== JSON.stringify(node.requests))
    fault = `we read ${JSON.stringify(our.requests)}, Node ${JSON.stringify(node.requests)}`;
  if (fault) {
    failures++;
    console.log(`# ${fault}`);
  }
  console.log(`${fault ? 'not ok' : 'ok'} ${index + 1} - ${name}`);
}
process.exit(failures ? 1 : 0);
