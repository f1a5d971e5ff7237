// SPDX-License-Identifier: Apache-2.0
// A device on the npm package "sip" over UDP: node client_sip.js SERVER-PORT USER PASSWORD DOMAIN PORT
// "message URI TEXT" on stdin sends; what happens is told in lines of JSON on stdout. The stack
// writes Via after To and From.
'use strict';
const sip = require('sip');
const digest = require('sip/digest');

const [server, user, password, domain, port] = process.argv.slice(2);
const tell = (event, more) => console.log(JSON.stringify({ event, ...more }));
const random = () => Math.random().toString(36).slice(2);
const proxy = () => ({ uri: `sip:127.0.0.1:${server};lr` });
let cseq = 1;

sip.start({ address: '127.0.0.1', publicAddress: 'device.invalid', port: Number(port), udp: true, tcp: false }, (request) => {
	if (request.method !== 'MESSAGE') {
		sip.send(sip.makeResponse(request, 405, 'Method Not Allowed'));
		return;
	}
	tell('received', { from: request.headers.from.uri, text: request.content });
	sip.send(sip.makeResponse(request, 200, 'OK'));
});

// Sends, answers a challenge once, and hands on the last final answer.
function ask(request, then) {
	const credentials = { user, password, realm: domain };
	let tried = false;

	request.headers.route = [proxy()];
	sip.send(request, function answered(answer) {
		if (answer.status < 200)
			return;
		if ((answer.status === 401 || answer.status === 407) && !tried) {
			tried = true;
			// It knows MD5 only.
			for (const name of ['www-authenticate', 'proxy-authenticate'])
				if (answer.headers[name])
					answer.headers[name] = answer.headers[name].filter(
						(c) => !/SHA/.test(c.algorithm || ''));
			request.headers.cseq.seq = cseq++;
			request.headers.via = [];
			digest.signRequest({}, request, answer, credentials);
			sip.send(request, answered);
			return;
		}
		then(answer);
	});
}

function request(method, uri, to, more) {
	return {
		method, uri, version: '2.0',
		headers: {
			to: { uri: to },
			from: { uri: `sip:${user}@${domain}`, params: { tag: random() } },
			'call-id': random(),
			cseq: { method, seq: cseq++ },
			'max-forwards': 70,
			...more.headers,
		},
		content: more.content || '',
	};
}

ask(request('REGISTER', `sip:${domain}`, `sip:${user}@${domain}`, {
	headers: { contact: [{ uri: `sip:${user}@127.0.0.1:${port}`, params: { expires: 600 } }] },
}), (answer) => tell(answer.status === 200 ? 'registered' : 'refused', { status: answer.status }));

require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
	const [, to, text] = line.match(/^message (\S+) (.*)$/);

	ask(request('MESSAGE', to, to, {
		headers: { 'content-type': 'text/plain' }, content: text,
	}), (answer) => tell('answer', { status: answer.status }));
}).on('close', () => process.exit(0));
