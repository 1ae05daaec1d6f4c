// Verify stored webhooks with the npm library `standardwebhooks`: node verify_webhooks.cjs NODE_MODULES JOBS
// JOBS is a JSON file: [{file, secret, wrong}]; a line of each file has headers and body. Prints counts.
const fs = require("fs");
const path = require("path");

const { Webhook } = require(path.join(process.argv[2], "standardwebhooks"));

function accepted(webhook, body, headers) {
  try {
    webhook.verify(body, headers);
    return true;
  } catch (error) {
    return false;
  }
}

const told = {};
for (const job of JSON.parse(fs.readFileSync(process.argv[3], "utf8"))) {
  const right = new Webhook(job.secret);
  const wrong = new Webhook(job.wrong);
  const counts = { messages: 0, accepted: 0, forgedBody: 0, forgedId: 0, otherSecret: 0, oldTime: 0 };
  for (const line of fs.readFileSync(job.file, "utf8").split("\n").filter(Boolean)) {
    const { headers, body } = JSON.parse(line);
    counts.messages += 1;
    counts.accepted += accepted(right, body, headers);
    // Everything below must be refused.
    counts.forgedBody += accepted(right, body.replace('"seq":', '"seq":1'), headers);
    counts.forgedId += accepted(right, body, { ...headers, "webhook-id": headers["webhook-id"] + "0" });
    counts.otherSecret += accepted(wrong, body, headers);
    const before = String(Number(headers["webhook-timestamp"]) - 600);
    counts.oldTime += accepted(right, body, { ...headers, "webhook-timestamp": before });
  }
  told[job.file] = counts;
}
console.log(JSON.stringify(told));
