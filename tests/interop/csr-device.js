// SPDX-License-Identifier: LGPL-2.1-or-later
// Registers devices as the SDKs that send a CSR do it over MQTT, with the MQTT client of the official SDK, all at once, and prints
// the final replies as one line of JSON.
// csr-device.js '{"idScope", "devices": [{"registrationId", "password", "url", "apiVersion", "request": {}}]}'
'use strict';
const mqtt = require('mqtt');

const { idScope, devices } = JSON.parse(process.argv[2]);

function ask(client, rid, topic, payload) {
  return new Promise((resolve, reject) => {
    client.once('message', (name, body) => {
      const answer = name.match(/^\$dps\/registrations\/res\/(\d+)\/\?\$rid=([^&]*)(?:&retry-after=(\d+))?$/);
      if (answer === null || answer[2] !== rid)
        reject(new Error(`this is no answer to ${rid}: ${name}`));
      else
        resolve({ status: Number(answer[1]), wait: Number(answer[3]) * 1000, body: JSON.parse(body) });
    });
    client.once('close', () => reject(new Error('the service has closed the connection')));
    client.publish(topic, payload, { qos: 1 });
  });
}

function connect(device) {
  const client = mqtt.connect(device.url, {
    clientId: device.registrationId, username: `${idScope}/registrations/${device.registrationId}/api-version=${device.apiVersion}`,
    password: device.password, protocolVersion: 4, clean: true, keepalive: 60, reconnectPeriod: 0,
  });
  return new Promise((resolve, reject) => {
    client.once('error', reject);
    client.once('connect', () => {
      client.subscribe('$dps/registrations/res/#', { qos: 1 }, (error) => error ? reject(error) : resolve(client));
    });
  });
}

async function register(device) {
  const client = await connect(device);
  const topics = '$dps/registrations';
  let reply = await ask(client, 'first', `${topics}/PUT/iotdps-register/?$rid=first`, JSON.stringify(device.request));

  for (let i = 1; reply.status === 202; i++) {
    await new Promise((resolve) => setTimeout(resolve, reply.wait));
    const topic = `${topics}/GET/iotdps-get-operationstatus/?$rid=poll-${i}&operationId=${reply.body.operationId}`;
    reply = await ask(client, `poll-${i}`, topic, ' ');
  }
  client.end();
  return { status: reply.status, body: reply.body };
}

Promise.all(devices.map(register)).then((results) => console.log(JSON.stringify(results)));
