// Sends with Node's firebase-admin and says what it took: the peer of P2.
import { createRequire } from "node:module";

const [packages, url, warmUp, count, batch] = process.argv.slice(2);
const require = createRequire(`${packages}/package.json`);

// The address of FCM is fixed in firebase-admin: the connection is led to the stub instead.
const http2 = require("node:http2");
const connect = http2.connect;
http2.connect = (_authority, options) => {
  const session = connect(url, options);
  const { request } = session;
  // It sends ":scheme: https:", which Google takes and Node's own server refuses.
  session.request = (headers) => request.call(session, Object.assign(headers, { ":scheme": "https" }));
  return session;
};

const { initializeApp } = require("firebase-admin/app");
const { getMessaging } = require("firebase-admin/messaging");
const credential = {
  getAccessToken: async () => ({ access_token: "ya29.bench", expires_in: 3599 }),
};
const messaging = getMessaging(initializeApp({ credential, projectId: "engage-local" }));

async function send(total) {
  for (let sent = 0; sent < total; sent += batch * 1) {
    const messages = [];
    for (let at = sent; at < Math.min(total, sent + batch * 1); at++) {
      const id = `msg_01JD8ZZZZZZZZZZZZZZZZZZZZZ_${at}`;
      messages.push({
        token: `address-${at}-${"x".repeat(140)}`,
        data: { message_id: id },
        notification: { title: "Sale", body: "Half price on everything until Sunday" },
        android: { priority: "high", notification: { tag: id } },
        apns: {
          headers: { "apns-collapse-id": id, "apns-push-type": "alert", "apns-priority": "10" },
        },
      });
    }
    const result = await messaging.sendEach(messages);
    if (result.failureCount) throw result.responses.find((one) => one.error).error;
  }
}

await send(Number(warmUp));
const before = process.cpuUsage();
const began = process.hrtime.bigint();
await send(Number(count));
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
const used = process.cpuUsage(before);
console.log(
  JSON.stringify({ cpu_us: (used.user + used.system) / count, per_second: count / seconds }),
);
process.exit(0);
