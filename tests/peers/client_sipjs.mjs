// SPDX-License-Identifier: Apache-2.0
// A device on SIP.js over WebSocket, in Node: node client_sipjs.mjs URL USER PASSWORD DOMAIN
// "message URI TEXT" on stdin sends; what happens is told in lines of JSON on stdout. Packages are
// below $NODE_PATH.
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';
import { pathToFileURL } from 'node:url';
import { device, obey } from './sipjs_device.mjs';

const modules = process.env.NODE_PATH;
const SIP = await import(pathToFileURL(path.join(modules, 'sip.js/lib/index.js')));
const [url, user, password, domain] = process.argv.slice(2);
const tell = (event, more) => console.log(JSON.stringify({ event, ...more }));

globalThis.WebSocket = createRequire(path.join(modules, 'x.js'))('ws');
const phone = await device(SIP, { url, user, password, domain }, tell);

readline.createInterface({ input: process.stdin })
	.on('line', (line) => obey(phone, line))
	.on('close', () => process.exit(0));
