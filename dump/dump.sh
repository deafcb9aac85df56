#!/usr/bin/env bash
# A logical dump of a PostgreSQL database into S3, without local disk, by two containers of one task:
#
#   dump.sh dump     in PostgreSQL's image: dumps, reads the archive back, and judges it
#   dump.sh store    in the AWS CLI's image: moves bytes between pipes and S3
#
# They share the folder $WORK, and meet there at named pipes and at small files that appear whole. Bytes of the archive
# are never on disk. So that a broken dump can't look like a readable one: the upload's pipe is closed only after
# pg_dump ended well, since its end would complete the object; the object is read back from S3 as a whole, decompressed,
# and compared by size and SHA-256; and only then a manifest is written beside it. An archive without a manifest does
# not count.
#
# Readable is all that this proves. Rows that are there twice under a unique index, rows without their parent, and
# functions that need a search_path are dumped as they are, and show when the dump is restored. pg_dump leaves out
# roles, which own and may use what is restored, so those of the server are stored beside it, without passwords.
#
# Settings: BUCKET; NAME, part of all keys; TIERS, the ones to keep from the rarest on; LAST_READABLE, the key of the
# newest readable dump's manifest; STORAGE_CLASS of archives, STANDARD by default; the server's certificate authorities:
# CA_BUNDLE, where they are in S3, or CA_PEM, the certificates; and libpq's own (PGHOST and so on).
set -euo pipefail
shopt -s inherit_errexit
role=$1
cd "$WORK"

say() { printf 'lifeboat: %s\n' "$*" >&2; }

# The alarm counts lines that begin like this one. The file tells the other container.
fail() {
  say "failed: $*"
  printf '%s\n' "$*" >failed
  exit 1
}
trap 'status=$?; [[ $status == 0 || -e failed ]] || fail "$role ended with status $status"' EXIT
# Bash would end with the status of whatever ran before the signal, which may well be a success.
trap 'fail "$role was stopped, or took longer than its timeout"' TERM

# Waits for a file of the other container, or ends when that one failed.
await() {
  until [[ -e $1 ]]; do
    [[ ! -e failed ]] || exit 1
    sleep 0.1
  done
}

# Makes standard input a file that appears whole.
publish() {
  cat >"$1.part"
  mv "$1.part" "$1"
}

# --- store ---

declare -A period=([yearly]=%Y [monthly]=%Y-%m [weekly]=%G-W%V [daily]=%Y-%m-%d)

# The rarest tier that has no readable dump of this year, month or week yet: when the dump of 1 January fails, that of
# 2 January takes its tier. A lifecycle can't move dumps from one tier to the next, since it works by prefix.
choose_key() {
  local moment tier folder keys
  moment=$(date +%s)
  for tier in $TIERS; do
    folder="$tier/$NAME/$(date -u -d "@$moment" "+${period[$tier]}")/"
    [[ $tier != "${TIERS##* }" ]] || break
    keys=$(aws s3api list-objects-v2 --bucket "$BUCKET" --prefix "$folder" --query 'Contents[].Key' --output text)
    [[ $keys == *.manifest.json* ]] || break
  done
  printf '%s%s.dump\n' "$folder" "$(date -u -d "@$moment" +%Y%m%dT%H%M%SZ)"
}

# Ends the upload without an object, and without parts that would be billed unseen.
abandon() {
  local id
  trap '' TERM
  kill -KILL "$upload" 2>/dev/null || true
  wait "$upload" 2>/dev/null || true
  for id in $(aws s3api list-multipart-uploads --bucket "$BUCKET" --prefix "$key" --query 'Uploads[].UploadId' \
    --output text); do
    [[ $id == None ]] || aws s3api abort-multipart-upload --bucket "$BUCKET" --key "$key" --upload-id "$id"
  done
  fail "$1"
}

store() {
  [[ -z ${CA_BUNDLE:-} ]] || aws s3 cp "$CA_BUNDLE" ca.pem --no-progress >&2
  local key upload
  key=$(choose_key)
  publish key <<<"$key"

  await size
  mkfifo gate
  # The expected size only sets how large parts are: of 10,000 at most.
  aws s3 cp - "s3://$BUCKET/$key" --expected-size "$(<size)" --storage-class "${STORAGE_CLASS:-STANDARD}" \
    --no-progress <gate >&2 &
  upload=$!
  trap 'abandon "the task was stopped"' TERM
  exec 3>gate
  cat up >&3 || true # the dump and the upload report how it ended
  until [[ -e dumped || -e failed ]]; do sleep 0.1; done
  [[ -e dumped && $(<dumped) == whole ]] || abandon "pg_dump or the upload broke off, so nothing was stored"
  exec 3>&-
  wait "$upload" || abandon "the upload of $key broke off"
  trap 'fail "the task was stopped before $key was read back, so it does not count as a backup"' TERM

  aws s3 cp "s3://$BUCKET/$key" - --no-progress >down || fail "$key can't be read back"
  await roles
  aws s3 cp roles "s3://$BUCKET/${key%.dump}.roles.sql" --no-progress >&2
  [[ $(aws s3 cp "s3://$BUCKET/${key%.dump}.roles.sql" - --no-progress | sha256sum) == "$(sha256sum <roles)" ]] ||
    fail "the roles read back from S3 differ from those sent, so $key does not count as a backup"
  await manifest
  aws s3 cp manifest "s3://$BUCKET/${key%.dump}.manifest.json" --content-type application/json --no-progress >&2
  aws s3 cp manifest "s3://$BUCKET/$LAST_READABLE" --content-type application/json --no-progress >&2
  # This container only has to end. ECS stops the task when one container ends, while the other still works.
  trap '' TERM
  publish stored <<<"$key"
  await finished
}

# --- dump ---

json() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# Rows of each table, in the order of the archive, from the script that it turns into: one line each is one row.
count_rows() {
  awk '
    # Up to the first space outside of quotes.
    function name(line, at, letter, quoted) {
      for (at = 1; at <= length(line); at++) {
        letter = substr(line, at, 1)
        if (letter == "\"") quoted = !quoted
        else if (letter == " " && !quoted) break
      }
      return substr(line, 1, at - 1)
    }
    copying && $0 == "\\." { printf "%s\t%.0f\n", table, rows; copying = 0; next }
    copying { rows++; next }
    /^COPY .* FROM stdin;$/ {
      table = name(substr($0, 6))
      copying = 1
      rows = 0
    }
    END { exit copying }'
}

dump() {
  local started server major client key expected summing counting listing
  [[ -z ${CA_PEM:-} ]] || publish ca.pem <<<"$CA_PEM"
  started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  await key
  key=$(<key)
  server=$(psql -XqAtc 'show server_version') || fail "the database can't be reached"
  # pg_dump would refuse as well, but without the remedy. All programs of an image have the same version.
  major=$(psql -XqAtc "select current_setting('server_version_num')::int / 10000")
  client=$(psql --version)
  [[ $client =~ [0-9]+ ]] && client=${BASH_REMATCH[0]}
  ((client >= major)) || fail "pg_dump $client can't dump a server of PostgreSQL $major: set postgresVersion to '$major'"
  # What owns and may use things; of the database itself, pg_restore --create brings that back. Password hashes stay.
  pg_dumpall --roles-only --no-role-passwords --no-password --database="$PGDATABASE" >roles.part ||
    fail "the roles of the server can't be read, so a restore would lack its owners and users"
  grep -q '^-- PostgreSQL database cluster dump complete$' roles.part || fail "the list of roles is incomplete"
  mv roles.part roles
  mkfifo up down sent-sum sent-count got-sum got-count got-list
  # An archive is smaller than its database, unless most of it can't be compressed, since bytea is written as hex
  # digits.
  expected=$(psql -XqAtc 'select pg_database_size(current_database()) * 5 / 4') || fail "the size of the database can't be read"
  publish size <<<"$expected"

  sha256sum <sent-sum >sent.sha256 & summing=$!
  wc -c <sent-count >sent.bytes & counting=$!
  # A dump that waited for a lock for ever would block the sessions behind it as long.
  if pg_dump --format=custom --no-password --lock-wait-timeout=300s | tee sent-sum sent-count >up &&
    wait "$summing" && wait "$counting"; then
    publish dumped <<<whole
  else
    publish dumped <<<broken
    until [[ -e failed ]]; do sleep 0.1; done # the upload is abandoned by then
    exit 1
  fi

  # The whole object as S3 has it: summed, counted, listed, and read to its last row.
  sha256sum <got-sum >got.sha256 & summing=$!
  wc -c <got-count >got.bytes & counting=$!
  { pg_restore --list >list && cat >/dev/null; } <got-list & listing=$!
  tee got-sum got-count got-list <down | pg_restore --data-only --file=- | count_rows >tables ||
    fail "the archive can't be read to its end, so it would not restore; $key does not count as a backup"
  wait "$summing" && wait "$counting" && wait "$listing" || fail "the list of contents in the archive of $key can't be read"
  [[ $(<sent.bytes) == "$(<got.bytes)" && $(<sent.sha256) == "$(<got.sha256)" ]] ||
    fail "the $(<got.bytes) bytes read back from S3 differ from the $(<sent.bytes) sent, so $key does not count as a backup"
  judge_tables

  manifest "$key" "$started" "$server" | publish manifest
  await stored
  trap '' TERM
  say "$(<sent.bytes) bytes of $(wc -l <tables) tables are readable: $key"
  publish finished <<<done
}

# Every table of the list was read; an archive without tables is that of the wrong database.
judge_tables() {
  local listed counted
  listed=$(grep -c '^[0-9].* TABLE DATA ' list || true)
  counted=$(wc -l <tables)
  ((listed == counted)) || fail "the archive lists $listed tables and holds the rows of $counted"
  ((counted > 0)) || fail "database ${PGDATABASE:-} holds no table: name the database that does"
}

manifest() {
  printf '{\n  "schema": "lifeboat/dump/2",\n  "state": "readable",\n  "archive": %s,\n' "$(json "$1")"
  printf '  "roles": { "file": %s, "bytes": %d, "sha256": "%s" },\n' "$(json "${1%.dump}.roles.sql")" \
    "$(wc -c <roles)" "$(sha256sum <roles | cut -d ' ' -f 1)"
  printf '  "host": %s,\n  "database": %s,\n' "$(json "${PGHOST:-}")" "$(json "${PGDATABASE:-}")"
  printf '  "server": %s,\n  "client": %s,\n' "$(json "$3")" "$(json "$(pg_dump --version)")"
  printf '  "started": "%s",\n  "finished": "%s",\n' "$2" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  printf '  "bytes": %d,\n  "sha256": "%s",\n' "$(<sent.bytes)" "$(cut -d ' ' -f 1 <sent.sha256)"
  printf '  "tables": ['
  local table rows comma=
  while IFS=$'\t' read -r table rows; do
    printf '%s\n    { "table": %s, "rows": %d }' "$comma" "$(json "$table")" "$rows"
    comma=,
  done <tables
  printf '\n  ]\n}\n'
}

"$role"
