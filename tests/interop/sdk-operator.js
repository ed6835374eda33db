// SPDX-License-Identifier: LGPL-2.1-or-later
// What an operator does with the official service SDK. Runs the calls of its argument one after another and prints their results as
// one line of JSON. sdk-operator.js '{"connectionString", "calls": [[METHOD, ARGUMENT...]...]}'
'use strict';
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');

const { connectionString, calls } = JSON.parse(process.argv[2]);
const client = ProvisioningServiceClient.fromConnectionString(connectionString);

async function call([method, ...values]) {
  try {
    const reply = await client[method](...values);
    return { result: reply?.responseBody ?? null };
  } catch (error) {
    return { error: { name: error.name, status: error.response?.statusCode } };
  }
}

(async () => {
  const results = [];

  for (const one of calls)
    results.push(await call(one));
  console.log(JSON.stringify(results));
})();
