#!/usr/bin/env bash
# The frequent tasks of an operator, over the API. Run the script against a test system (./run demo):
#   ADMIN_API_TOKEN_FILE=.onebox/admin-token docs/examples/job_api_examples.sh
# or copy single functions. It needs curl and python3.
set -euo pipefail
shopt -s inherit_errexit # an error inside $(...) ends the script, too

API=${API:-http://127.0.0.1:8000}
if [ -z "${ADMIN_API_TOKEN:-}" ]; then
    ADMIN_API_TOKEN=$(cat "${ADMIN_API_TOKEN_FILE:?is missing: the file with the bearer token}")
fi
export -n ADMIN_API_TOKEN # the programs that this script starts do not inherit it

# Prints the header with the token. printf is part of bash, so the token is on no command line.
authorization() { printf 'Authorization: Bearer %s\n' "$ADMIN_API_TOKEN"; }

# call METHOD PATH [BODY]: print the body of the response; write a problem to standard error and return 1.
call() {
    local body=("${@:3}") answer
    if answer=$(curl --silent --show-error --fail-with-body --max-time 30 --request "$1" "$API$2" \
        --header @<(authorization) \
        --header "Idempotency-Key: $(python3 -c 'import uuid; print(uuid.uuid4())')" \
        ${body[0]+--header 'Content-Type: application/json' --data "${body[0]}"}); then
        printf '%s\n' "$answer"
    else
        printf '%s\n' "$1 $2: ${answer:-no answer}" >&2
        return 1
    fi
}

# field EXPRESSION: evaluate it on the JSON of standard input, named `it`; print nothing without input.
field() {
    python3 -c "import json, sys; text = sys.stdin.read()
if text: it = json.loads(text); print($1)"
}

crawl_soon() { # SUBREDDIT: print the id of its job
    call POST /api/crawl "{\"subreddit\": \"$1\"}" | field "it['job']['id']"
}

create_daily_schedule() { # SUBREDDIT: create it once, at 6 in the morning in Berlin; print its id
    local id
    id=$(call GET "/api/admin/scheduled-jobs?subreddit=$1" |
        field "next((one['id'] for one in it['items'] if one['name'] == 'daily $1'), '')")
    if [ -n "$id" ]; then
        echo "$id"
        return
    fi
    call POST /api/admin/scheduled-jobs "{\"name\": \"daily $1\", \"subreddit\": \"$1\",
        \"cron_expression\": \"0 6 * * *\", \"timezone\": \"Europe/Berlin\", \"priority\": 20,
        \"spread_seconds\": 600}" | field "it['id']"
}

show_next_runs() { # EXPRESSION ZONE
    call POST /api/admin/scheduled-jobs/preview \
        "{\"cron_expression\": \"$1\", \"timezone\": \"$2\", \"count\": 3}" | field "it['description']"
}

boost() { # JOB POINTS
    call POST "/api/admin/jobs/$1/boost" "{\"boost\": $2}" | field "it['priority']"
}

explain() { # JOB: print why it runs or does not run
    call GET "/api/admin/jobs/$1/explain"
}

cancel() { # JOB
    call POST "/api/admin/jobs/$1/cancel" | field "it['status']"
}

retry_failed() { # count the failed jobs, then retry exactly this number
    local filter='"filter": {"status": ["failed"]}' count
    count=$(call POST /api/admin/jobs/bulk/retry "{$filter, \"dry_run\": true}" | field "len(it['items'])")
    call POST /api/admin/jobs/bulk/retry "{$filter, \"expected_count\": $count}" | field "it['succeeded']"
}

enqueue_many() { # SUBREDDIT...
    local names
    names=$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@")
    call POST /api/admin/jobs/bulk "{\"subreddits\": $names, \"priority\": 50}" | field "it['succeeded']"
}

watch_job() { # JOB [SECONDS]: wait until it is final or the time is over
    local status
    for ((second = 0; second < ${2:-600}; second++)); do
        status=$(call GET "/api/admin/jobs/$1" | field "it['status']")
        case $status in succeeded | failed | cancelled) break ;; esac
        sleep 1
    done
    echo "$status"
}

pause() { # SUBREDDIT REASON
    call POST /api/admin/queue/pause "{\"subreddit\": \"$1\", \"reason\": \"$2\"}"
}

resume() { # SUBREDDIT
    call POST /api/admin/queue/resume "{\"subreddit\": \"$1\"}"
}

main() {
    local job result # assigned in lines of their own: `local x=$(...)` hides an error
    result=$(show_next_runs '@daily' 'Europe/Berlin')
    echo "next runs: $result"
    result=$(create_daily_schedule BirdingNotes)
    echo "schedule: $result"
    job=$(crawl_soon LunarAtlas)
    result=$(boost "$job" 10)
    echo "job: $job, priority after a boost: $result"
    explain "$job" >/dev/null
    result=$(enqueue_many TinyGardens BalconyPots)
    echo "enqueued: $result"
    pause TinyGardens "its moderators asked for a break" >/dev/null
    call GET /api/admin/queue/pauses >/dev/null
    resume TinyGardens >/dev/null
    result=$(watch_job "$job" "${WATCH_SECONDS:-60}")
    echo "watched: $result"
    job=$(crawl_soon MapTalk)
    cancel "$job"
    result=$(retry_failed)
    echo "retried: $result"
    call GET '/api/admin/jobs?status=queued&sort=-priority&limit=10' >/dev/null
    call GET /api/admin/jobs/stats
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
