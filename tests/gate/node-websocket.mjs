// SPDX-License-Identifier: LGPL-2.1-or-later
// node-websocket.mjs PORT TASK: Node's WebSocket client at the server of test-server.c. It does and says the same as soup-websocket.c.
const SIZE = 400000;
const [port, task] = process.argv.slice(2);
const socket = new WebSocket(`wss://127.0.0.1:${port}/$iothub/websocket?iothub-no-client-cert=true`, task === 'echo' ? 'echo' : 'LINES');
const sent = Buffer.alloc(SIZE);
const heard = [];
let count = 0;

socket.binaryType = 'arraybuffer';
socket.onopen = () => {
  console.log(`protocol ${socket.protocol}`);
  if (task === 'lines')
    socket.send(Buffer.from('close\n'));
  else if (task === 'text')
    socket.send('hello');
  else {
    let start = 0;
    for (let i = 0; i < SIZE; i++)
      sent[i] = i * 7;
    for (const size of [0, 1, 125, 126, 65535, 65536, SIZE]) {
      socket.send(sent.subarray(start, start + size));
      start = Math.min(start + size, SIZE);
    }
  }
};
socket.onmessage = (event) => {
  const data = Buffer.from(event.data);
  heard.push(data);
  count += data.length;
  if (task !== 'echo')
    console.log(`message ${data}`);
  else if (count === SIZE) {
    console.log(Buffer.concat(heard).equals(sent) ? 'the same' : 'something else');
    socket.close(3001, 'done');
  }
};
socket.onerror = (event) => console.error(event.message ?? 'error');
socket.onclose = (event) => {
  console.log(`closed ${event.code}${event.wasClean ? '' : ', not clean'}`);
};
