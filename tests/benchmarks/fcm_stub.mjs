// Answers as FCM does when all goes well, after a latency, fast enough not to be the limit.
// One port speaks HTTP/2 and HTTP/1.1, because firebase-admin's threads speak the latter.
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import tls from "node:tls";

const [key, cert, latency] = process.argv.slice(2);
const latencyMs = Number(latency);
const bearer = JSON.stringify({ access_token: "ya29.bench", expires_in: 3599, token_type: "Bearer" });
const accepted = JSON.stringify({ name: "projects/engage-local/messages/0:1700000000000000" });
const json = "application/json; charset=UTF-8";

const second = http2.createServer({ settings: { maxConcurrentStreams: 100 } });
second.on("stream", (stream, headers) => {
  const body = headers[":path"] === "/token" ? bearer : accepted;
  stream.on("error", () => {});
  stream.resume();
  stream.on("end", () =>
    setTimeout(() => {
      if (stream.destroyed) return;
      stream.respond({ ":status": 200, "content-type": json });
      stream.end(body);
    }, body === bearer ? 0 : latencyMs),
  );
});

const first = http.createServer((request, response) => {
  const body = request.url === "/token" ? bearer : accepted;
  request.resume();
  request.on("end", () =>
    setTimeout(() => {
      response.writeHead(200, { "content-type": json, "content-length": body.length });
      response.end(body);
    }, body === bearer ? 0 : latencyMs),
  );
});

const door = tls.createServer(
  { key: readFileSync(key), cert: readFileSync(cert), ALPNProtocols: ["h2", "http/1.1"] },
  (socket) => {
    socket.on("error", () => {});
    (socket.alpnProtocol === "h2" ? second : first).emit("connection", socket);
  },
);
door.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: door.address().port })));
process.stdin.resume().on("end", () => process.exit(0));
