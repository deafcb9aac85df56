#!/usr/bin/env bash
# The few calls of the AWS CLI that the dump makes, on a folder: $FAKE_S3. What FAULT names goes wrong.
set -euo pipefail
printf '%s\n' "$*" >>"$FAKE_S3.calls"

object() { printf '%s/%s' "$FAKE_S3" "${1#s3://}"; }
option() { while [[ $1 != "$name" ]]; do shift; done && printf '%s' "$2"; }

case "$1 $2" in
"s3 cp")
  if [[ $3 == - ]]; then
    # As a multipart upload does: nothing is there before the end.
    upload=$(mktemp "$FAKE_S3.uploads/XXXXXX")
    if [[ ${FAULT:-} == "upload dies" ]]; then
      head -c 100000 >"$upload"
      exit 1
    fi
    cat >"$upload"
    [[ ${FAULT:-} != "damaged in S3" ]] || printf 'XXXX' | dd of="$upload" bs=1 seek=60000 conv=notrunc status=none
    [[ ${FAULT:-} != "cut short in S3" ]] || truncate -s -1000 "$upload"
    [[ ${FAULT:-} != "something appended in S3" ]] || printf 'XXXX' >>"$upload"
    mkdir -p "$(dirname "$(object "$4")")"
    mv "$upload" "$(object "$4")"
  elif [[ $4 == - ]]; then
    [[ ${FAULT:-} != "can't be read back" ]] || exit 1
    if [[ ${FAULT:-} == "read back for ever" ]]; then
      head -c 1000 "$(object "$3")"
      sleep 60
    fi
    cat "$(object "$3")"
    [[ ${FAULT:-} != "roles damaged in S3" || $3 != *.roles.sql ]] || printf 'XXXX'
  elif [[ $3 == s3://* ]]; then
    cp "$(object "$3")" "$4"
  else
    [[ ${FAULT:-} != "manifest refused" ]] || exit 1
    mkdir -p "$(dirname "$(object "$4")")"
    cp "$3" "$(object "$4")"
  fi
  ;;
"s3api list-objects-v2")
  [[ ${FAULT:-} != "listing refused" ]] || exit 254
  name=--bucket && bucket=$(option "$@")
  name=--prefix && prefix=$(option "$@")
  keys=$(cd "$FAKE_S3/$bucket" 2>/dev/null && find . -type f -path "./$prefix*" -printf '%P\t') || true
  printf '%s\n' "${keys:-None}"
  ;;
"s3api list-multipart-uploads")
  ids=$(cd "$FAKE_S3.uploads" && find . -type f -printf '%P\t')
  printf '%s\n' "${ids:-None}"
  ;;
"s3api abort-multipart-upload")
  name=--upload-id && rm "$FAKE_S3.uploads/$(option "$@")"
  ;;
*)
  echo "fake aws: $1 $2 is not modelled" >&2
  exit 2
  ;;
esac
