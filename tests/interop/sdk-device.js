// SPDX-License-Identifier: LGPL-2.1-or-later
// Registers devices with the official device SDK, all at once, and prints what became of each as one line of JSON.
// sdk-device.js '{"host", "idScope", "devices": [{"registrationId", "key", "transport", "payload"?, "times"?, "cancel"?}]}'
'use strict';
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Http } = require('azure-iot-provisioning-device-http');
const { Mqtt, MqttWs } = require('azure-iot-provisioning-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');

const transports = { http: Http, mqtt: Mqtt, 'mqtt-ws': MqttWs };
const { host, idScope, devices } = JSON.parse(process.argv[2]);

async function register(device) {
  const security = new SymmetricKeySecurityClient(device.registrationId, device.key);
  const client = ProvisioningDeviceClient.create(host, idScope, new transports[device.transport](), security);
  const results = [];

  if (device.payload !== undefined)
    client.setProvisioningPayload(device.payload);
  for (let i = 0; i < (device.times ?? 1); i++) {
    const registration = client.register();
    if (device.cancel)
      setImmediate(() => client.cancel());
    try {
      results.push({ result: await registration });
    } catch (error) {
      results.push({ error: { name: error.name, message: error.message, code: error.code, result: error.result } });
    }
  }
  return results;
}

Promise.all(devices.map(register)).then((results) => {
  console.log(JSON.stringify(results));
  // A cancelled client may keep a timer of its own.
  process.exit(0);
});
