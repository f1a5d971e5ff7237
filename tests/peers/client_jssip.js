// SPDX-License-Identifier: Apache-2.0
// A device on JsSIP over WebSocket: node client_jssip.js SERVER-PORT USER PASSWORD DOMAIN PORT
// "message URI TEXT" on stdin sends; what happens is told in lines of JSON on stdout.
'use strict';
const JsSIP = require('jssip');
const NodeWebSocket = require('jssip-node-websocket');

const [server, user, password, domain] = process.argv.slice(2);
const tell = (event, more) => console.log(JSON.stringify({ event, ...more }));
const ua = new JsSIP.UA({
	sockets: [new NodeWebSocket(`ws://127.0.0.1:${server}`)],
	uri: `sip:${user}@${domain}`,
	password,
	register_expires: 600,
	session_timers: false,
});

ua.on('registered', () => tell('registered'));
ua.on('registrationFailed', (e) => tell('refused', { cause: e.cause }));
ua.on('disconnected', () => tell('disconnected'));
ua.on('newMessage', (e) => {
	if (e.originator === 'remote')
		tell('received', { from: e.request.from.uri.toString(), text: e.request.body });
});
ua.start();

require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
	const [, to, text] = line.match(/^message (\S+) (.*)$/);
	const status = (e) => tell('answer', { status: e.response ? e.response.status_code : 0 });

	ua.sendMessage(to, text, { eventHandlers: { succeeded: status, failed: status } });
}).on('close', () => process.exit(0));
