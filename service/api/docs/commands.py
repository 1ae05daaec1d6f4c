"""What an integrator types in the first hour, in order: bash, curl and Python's standard library.

``{base}`` stands for the server's address. A test runs these from the page, as they stand, in one shell.
"""

SETTINGS = """\
export OPIOSCAN={base}
API=$OPIOSCAN/api/v1
: "${OPIOSCAN_TOKEN:?first: export OPIOSCAN_TOKEN=ops_…}"
cd "$(mktemp -d)"
api() { curl -sS --fail-with-body -H "Authorization: Bearer $OPIOSCAN_TOKEN" \\
  -H "Content-Type: application/json" "$@"; }
field() { python3 -c 'import json, sys
value = json.load(sys.stdin)
for step in sys.argv[1].split("."):
    value = value[int(step)] if step.isdigit() else value[step]
print(value if isinstance(value, str) else json.dumps(value))' "$1"; }
new_key() { python3 -c 'import uuid; print(uuid.uuid4())'; }
curl -sS "$OPIOSCAN/readyz"; echo
AFTER=$(api "$API/events?limit=1" | field head_seq) && echo "I follow events after number $AFTER"
"""

RECEIVER = """\
cat > receiver.py <<'EOF'
import base64, hashlib, hmac, http.server, time

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        good = is_genuine(self.headers, body)
        if good:
            with open("messages.jsonl", "ab") as kept:
                kept.write(body + b"\\n")
        self.send_response(204 if good else 400)
        self.end_headers()

def is_genuine(headers, body):
    moment, name = headers.get("webhook-timestamp", "0"), headers.get("webhook-id", "")
    if not moment.isdecimal() or abs(time.time() - int(moment)) > 300:
        return False
    key = base64.b64decode(open("secret.txt").read().strip().removeprefix("whsec_"))
    digest = hmac.new(key, f"{name}.{moment}.".encode() + body, hashlib.sha256).digest()
    due = "v1," + base64.b64encode(digest).decode()
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(due.encode(), one.encode()) for one in given)

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
with open("port.txt", "w") as file:
    file.write(str(server.server_port))
server.serve_forever()
EOF
python3 receiver.py > receiver.log 2>&1 &
RECEIVER=$!
for _ in $(seq 100); do test -s port.txt && break; sleep 0.1; done
RECEIVE=http://127.0.0.1:$(cat port.txt)/ && echo "my receiver listens"
"""

WEBHOOK = """\
api -X POST "$API/webhooks" -o webhook.json -d "{
  \\"url\\": \\"$RECEIVE\\",
  \\"types\\": [\\"screening.completed\\", \\"screening.amended\\"],
  \\"description\\": \\"my first hour\\"}"
field secret < webhook.json > secret.txt
WEBHOOK=$(field webhook_id < webhook.json)
grep -o whsec_ secret.txt
curl -sS -o /dev/null -w 'a message that nobody signed is answered with %{http_code}\\n' -d '{}' "$RECEIVE"
"""

PARCEL = """\
api -X POST "$API/sandbox/parcels" -H "Idempotency-Key: $(new_key)" -o parcel.json -d '{
  "advance": {
    "sender": {"name": "Example Trading Ltd", "address": "1 Harbour Road"},
    "origin": "CN", "destination": "US",
    "content": "vitamin tablets", "value": {"amount": "24.50", "currency": "USD"},
    "weight_g": 310, "hs_codes": ["293628"],
    "risk": {"score": 0.82, "source": "targeting-2", "reasons": ["first parcel of this sender"]},
    "reference": "SHIP-2026-000815"}}'
PARCEL=$(field parcel_id < parcel.json)
field item_id < parcel.json
field status < parcel.json
"""

OFFLINE = """\
api -X POST "$API/sandbox/parcels/$PARCEL/screen" -d '{"outcome": "queued_offline"}' | field status
"""

ALARM = """\
api -X POST "$API/sandbox/parcels/$PARCEL/screen" -d '{"outcome": "alarm_named"}' -o screened.json
field status < screened.json
field finding.outward < screened.json
field finding.substances < screened.json
"""

EVENTS = """\
api "$API/events?after=$AFTER&limit=200" -o events.json
python3 - "$PARCEL" <<'EOF'
import json, sys
for event in json.load(open("events.json"))["items"]:
    data = event.get("data") or {}
    if data.get("parcel_id") == sys.argv[1]:
        print(event["seq"], event["type"], (data.get("finding") or {}).get("outward", ""))
EOF
AFTER=$(field next_after < events.json)
"""

DELIVERED = """\
for _ in $(seq 100); do grep -qs "$PARCEL" messages.jsonl && break; sleep 0.1; done
python3 - "$PARCEL" <<'EOF'
import json, sys
for line in open("messages.jsonl"):
    message = json.loads(line)
    print("delivered and genuine:", message["type"], sys.argv[1] in line)
EOF
"""

READ = """\
ETAG=$(api -D - -o parcel.json "$API/parcels/$PARCEL" | tr -d '\\r' | sed -n 's/^[Ee][Tt]ag: //p')
field finding.verdict < parcel.json
api -o /dev/null -w 'nothing new: %{http_code}\\n' -H "If-None-Match: $ETAG" "$API/parcels/$PARCEL"
api "$API/parcels/$PARCEL/results" | field items.0.sandbox
"""

CHANGE = """\
CHANGE='{"advance": {"risk": {"score": 0.35, "source": "targeting-2"}}}'
api -X PATCH "$API/parcels/$PARCEL" -H "If-Match: $ETAG" -d "$CHANGE" | field advance.risk.score
curl -sS -X PATCH "$API/parcels/$PARCEL" -H "If-Match: $ETAG" -d "$CHANGE" \\
  -H "Authorization: Bearer $OPIOSCAN_TOKEN" -H "Content-Type: application/json" | field code
"""

DISPOSITION = """\
KEY=$(new_key)
cat > decision.json <<'EOF'
{"decision": "seized", "compliant": false, "decided_at": "2026-11-22T12:00:00Z",
 "reference": "CASE-2026-0815", "note": "confirmed by the laboratory"}
EOF
for answer in first second; do
  api -X POST "$API/parcels/$PARCEL/dispositions" -H "Idempotency-Key: $KEY" \\
    -d @decision.json -o $answer.json
done
cmp first.json second.json && echo "sent twice, recorded once"
api "$API/parcels/$PARCEL" | field disposition.decision
"""

CALM = """\
OTHER=$(api -X POST "$API/sandbox/parcels" -d '{}' | field parcel_id)
api -X POST "$API/sandbox/parcels/$OTHER/screen" -d '{"outcome": "no_alarm"}' | field finding.outward
api -X POST "$API/sandbox/parcels/$OTHER/screen" -d '{"outcome": "late_alarm"}' | field finding.outward
"""

ERRORS = """\
curl -sS "$API/parcels/00000000-0000-4000-8000-000000000000" \\
  -H "Authorization: Bearer $OPIOSCAN_TOKEN" -o problem.json
field status < problem.json
field code < problem.json
"""

PAGES = """\
api "$API/parcels?limit=1" -o page.json
CURSOR=$(field next_cursor < page.json)
api "$API/parcels?limit=1&cursor=$CURSOR" -o next.json
cmp -s page.json next.json || echo "another page, with other parcels"
"""

END = """\
api -X DELETE "$API/webhooks/$WEBHOOK" | field state
kill $RECEIVER && echo "my receiver has gone"
"""
