// Verify webhooks with the public library. Each line of the input is a request as JSON.
// usage: node verify_webhooks.cjs NODE_MODULES < REQUESTS
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const { Webhook } = createRequire(process.argv[2] + "/")("standardwebhooks");

let verified = 0;
let refused = 0;
for (const line of readFileSync(0, "utf-8").trim().split("\n")) {
  const request = JSON.parse(line);
  const webhook = new Webhook(request.secret);
  webhook.verify(request.body, request.headers);
  verified += 1;
  try {
    webhook.verify(request.body + " ", request.headers);
  } catch {
    refused += 1;
  }
}
console.log(JSON.stringify({ verified, refused }));
