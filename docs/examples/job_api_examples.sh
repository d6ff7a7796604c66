#!/usr/bin/env bash
# What operators do most, over the API. Run it whole against a system for trying (./run demo):
#   ADMIN_API_TOKEN_FILE=.onebox/admin-token docs/examples/job_api_examples.sh
# or copy single functions. Needs curl and python3.
set -euo pipefail
shopt -s inherit_errexit # an error inside $(...) ends the script, too

API=${API:-http://127.0.0.1:8000}
if [ -z "${ADMIN_API_TOKEN:-}" ]; then
    ADMIN_API_TOKEN=$(cat "${ADMIN_API_TOKEN_FILE:?is missing: the file with the bearer token}")
fi
export -n ADMIN_API_TOKEN # no program that is started here gets it

# The header with the token. printf is part of bash: no command line holds what it is given.
authorization() { printf 'Authorization: Bearer %s\n' "$ADMIN_API_TOKEN"; }

# call METHOD PATH [BODY]: the answer's body; a problem goes to standard error and ends with 1.
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

# field EXPRESSION: of the JSON on standard input, which is called `it`; nothing of no JSON at all.
field() {
    python3 -c "import json, sys; told = sys.stdin.read()
if told: it = json.loads(told); print($1)"
}

crawl_soon() { # SUBREDDIT: its job's id
    call POST /api/crawl "{\"subreddit\": \"$1\"}" | field "it['job']['id']"
}

create_daily_schedule() { # SUBREDDIT: the schedule's id, at 6 in the morning in Berlin; made once
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

explain() { # JOB: why it runs or does not
    call GET "/api/admin/jobs/$1/explain"
}

cancel() { # JOB
    call POST "/api/admin/jobs/$1/cancel" | field "it['status']"
}

retry_failed() { # first look how many, then do it to exactly so many
    local filter='"filter": {"status": ["failed"]}' count
    count=$(call POST /api/admin/jobs/bulk/retry "{$filter, \"dry_run\": true}" | field "len(it['items'])")
    call POST /api/admin/jobs/bulk/retry "{$filter, \"expected_count\": $count}" | field "it['succeeded']"
}

enqueue_many() { # SUBREDDIT...
    local names
    names=$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@")
    call POST /api/admin/jobs/bulk "{\"subreddits\": $names, \"priority\": 50}" | field "it['succeeded']"
}

watch_job() { # JOB [SECONDS]: until it is final, or the time is up
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
    local job told # assigned in lines of their own: `local x=$(...)` hides an error
    told=$(show_next_runs '@daily' 'Europe/Berlin')
    echo "next runs: $told"
    told=$(create_daily_schedule BirdingNotes)
    echo "schedule: $told"
    job=$(crawl_soon LunarAtlas)
    told=$(boost "$job" 10)
    echo "job: $job, priority after a boost: $told"
    explain "$job" >/dev/null
    told=$(enqueue_many TinyGardens BalconyPots)
    echo "enqueued: $told"
    pause TinyGardens "its moderators asked for a break" >/dev/null
    call GET /api/admin/queue/pauses >/dev/null
    resume TinyGardens >/dev/null
    told=$(watch_job "$job" "${WATCH_SECONDS:-60}")
    echo "watched: $told"
    job=$(crawl_soon MapTalk)
    cancel "$job"
    told=$(retry_failed)
    echo "retried: $told"
    call GET '/api/admin/jobs?status=queued&sort=-priority&limit=10' >/dev/null
    call GET /api/admin/jobs/stats
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
