// Sends an event with CloudEvents' own SDK, binary and then structured; prints what was answered.
import { createRequire } from "node:module";

const [packages, url, bearer, attributes] = process.argv.slice(2);
const { CloudEvent, HTTP } = createRequire(`${packages}/package.json`)("cloudevents");

const event = new CloudEvent(JSON.parse(attributes));
const answers = [];
for (const mode of [HTTP.binary, HTTP.structured]) {
  const { headers, body } = mode(event);
  const answer = await fetch(url, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${bearer}` },
    body,
  });
  answers.push({ status: answer.status, body: await answer.json() });
}
console.log(JSON.stringify(answers));
