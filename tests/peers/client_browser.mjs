// SPDX-License-Identifier: Apache-2.0
// A device on SIP.js in headless Chromium: node client_browser.mjs URL USER PASSWORD DOMAIN
// The page comes from a small server of ours; it is talked to by Chromium's DevTools protocol. The
// rest is as in client_sipjs.mjs. No certificate is judged: that of the server is its own.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';

const modules = process.env.NODE_PATH;
const WebSocket = createRequire(path.join(modules, 'x.js'))('ws');
const [url, user, password, domain] = process.argv.slice(2);
const library = path.join(modules, 'sip.js/lib');
const page = `<!doctype html><title>a phone</title><script type="module">
import * as SIP from '/sip.js/index.js';
import { device, obey } from '/device.mjs';
const told = (event, more) => tell(JSON.stringify({ event, ...more }));
const settings = ${JSON.stringify({ url, user, password, domain })};
window.obey = (line) => obey(window.phone, line);
window.phone = await device(SIP, settings, told);
</script>`;

// ---- what the page is made of ----

function file_of(name) {
	if (name === '/device.mjs')
		return path.join(import.meta.dirname ?? path.dirname(process.argv[1]), 'sipjs_device.mjs');
	const at = path.join(library, path.normalize(name.replace(/^\/sip\.js\//, '/')));

	return name.startsWith('/sip.js/') && at.startsWith(library) ? at : null;
}

const server = http.createServer((request, response) => {
	const file = file_of(new URL(request.url, 'http://x').pathname);

	if (request.url === '/') {
		response.setHeader('Content-Type', 'text/html; charset=utf-8');
		response.end(page);
	} else if (file && fs.existsSync(file)) {
		response.setHeader('Content-Type', 'text/javascript; charset=utf-8');
		response.end(fs.readFileSync(file));
	} else {
		response.statusCode = 404;
		response.end();
	}
});

await new Promise((done) => server.listen(0, '127.0.0.1', done));

// ---- Chromium ----

const browser = spawn('chromium', [
	'--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
	'--ignore-certificate-errors', '--no-first-run', '--remote-debugging-port=0',
	`--user-data-dir=${path.join(process.cwd(), 'profile')}`, 'about:blank',
], { stdio: ['ignore', 'ignore', 'pipe'] });

function leave(code) {
	browser.kill();
	process.exit(code);
}

process.on('SIGTERM', () => leave(0));
browser.on('exit', () => process.exit(1));

const tools = await new Promise((found) => {
	readline.createInterface({ input: browser.stderr }).on('line', (line) => {
		const [, address] = line.match(/DevTools listening on (ws:\S+)/) || [];

		if (address)
			found(address);
		else
			console.error(line);
	});
});

// ---- its DevTools ----

const wire = new WebSocket(tools);
const waiting = new Map();
let last = 0;

wire.on('message', (data) => {
	const message = JSON.parse(data);

	if (message.id) {
		waiting.get(message.id)(message.result);
		waiting.delete(message.id);
	} else if (message.method === 'Runtime.bindingCalled') {
		console.log(message.params.payload);
	} else if (message.method === 'Runtime.exceptionThrown') {
		console.error(JSON.stringify(message.params.exceptionDetails));
	}
});
await new Promise((open) => wire.on('open', open));

function ask(method, params, sessionId) {
	return new Promise((done) => {
		waiting.set(++last, done);
		wire.send(JSON.stringify({ id: last, method, params, sessionId }));
	});
}

const { targetId } = await ask('Target.createTarget', { url: 'about:blank' });
const { sessionId } = await ask('Target.attachToTarget', { targetId, flatten: true });

await ask('Runtime.enable', {}, sessionId);
await ask('Runtime.addBinding', { name: 'tell' }, sessionId);
await ask('Page.navigate', { url: `http://127.0.0.1:${server.address().port}/` }, sessionId);

readline.createInterface({ input: process.stdin })
	.on('line', (line) => ask('Runtime.evaluate', {
		expression: `obey(${JSON.stringify(line)})`,
	}, sessionId))
	.on('close', () => leave(0));
