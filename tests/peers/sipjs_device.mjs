// SPDX-License-Identifier: Apache-2.0
// One device on SIP.js, the same in Node and in a browser. SIP is the library, TELL is told what
// happens: (event, {...}).

export async function device(SIP, { url, user, password, domain }, tell) {
	const agent = new SIP.UserAgent({
		uri: SIP.UserAgent.makeURI(`sip:${user}@${domain}`),
		transportOptions: { server: url },
		authorizationUsername: user,
		authorizationPassword: password,
		logBuiltinEnabled: false,
		delegate: {
			onMessage: (message) => {
				message.accept();
				tell('received', {
					from: message.request.from.uri.toString(),
					text: message.request.body,
				});
			},
			onDisconnect: () => tell('disconnected', {}),
		},
	});
	const registerer = new SIP.Registerer(agent, { expires: 600 });
	const status = (event) => (answer) => tell(event, { status: answer.message.statusCode });

	await agent.start();
	await registerer.register({
		requestDelegate: { onAccept: status('registered'), onReject: status('refused') },
	});
	return {
		message: (to, text) =>
			new SIP.Messager(agent, SIP.UserAgent.makeURI(to), text).message({
				requestDelegate: { onAccept: status('answer'), onReject: status('answer') },
			}),
	};
}

// "message URI TEXT" as a command of DEVICE's.
export function obey(device, line) {
	const [, to, text] = line.match(/^message (\S+) (.*)$/);

	return device.message(to, text);
}
