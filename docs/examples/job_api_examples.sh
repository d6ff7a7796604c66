#!/usr/bin/env bash
# The frequent tasks of an operator, over the API. It needs curl and python3.
#
# Run all of them against a test system (./run demo):
#   ADMIN_API_TOKEN_FILE=.onebox/admin-token docs/examples/job_api_examples.sh
# Or load the functions into bash or zsh, and call them one by one:
#   export ADMIN_API_TOKEN_FILE=.onebox/admin-token
#   source docs/examples/job_api_examples.sh
#   crawl_soon BirdingNotes
#
# The script changes no option of the shell that loads it. It only ends the export of ADMIN_API_TOKEN, so
# that other programs do not inherit the token. Each function returns 0 if the API did the task, 2 if the
# state of the system does not allow the task (HTTP status 409), and 1 after other errors.

# Print the header with the token. printf is part of the shell, so the token is on no command line.
authorization() {
    local token=${ADMIN_API_TOKEN:-}
    if [ -z "$token" ] && [ -r "${ADMIN_API_TOKEN_FILE:-}" ]; then
        token=$(cat "$ADMIN_API_TOKEN_FILE")
    fi
    if [ -z "$token" ]; then
        echo "no token: set ADMIN_API_TOKEN_FILE to a readable file with the bearer token" >&2
        return 1
    fi
    printf 'Authorization: Bearer %s\n' "$token"
}

# call METHOD PATH [BODY]: print the body of the response. Write an error to standard error instead.
# call GET PATH KEY=VALUE: the same, with a parameter in the URL.
call() {
    local header answer code
    local -a body
    body=()
    header=$(authorization) || return 1
    if [ $# -gt 2 ] && [ "$1" = GET ]; then
        body=(--get --data-urlencode "$3")
    elif [ $# -gt 2 ]; then
        body=(--header 'Content-Type: application/json' --data "$3")
    fi
    # curl reads the token from its standard input (@-). The last line of `answer` is the HTTP status.
    answer=$(printf '%s\n' "$header" | curl --silent --show-error --max-time 30 --request "$1" \
        --header @- --header "Idempotency-Key: $(python3 -c 'import uuid; print(uuid.uuid4())')" \
        --write-out '\n%{http_code}' ${body[@]+"${body[@]}"} "${API:-http://127.0.0.1:8000}$2") || {
        echo "$1 $2: no answer from ${API:-http://127.0.0.1:8000}" >&2
        return 1
    }
    code=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    answer=${answer%$'\n'} # the answer itself ends with a line end, too
    case $code in
    2??) printf '%s\n' "$answer" ;;
    *)
        printf '%s\n' "$1 $2: $answer" >&2
        [ "$code" != 409 ] || return 2
        return 1
        ;;
    esac
}

# field EXPRESSION TEXT [VALUE...]: evaluate the expression, and print the result. In the expression, `it` is
# the JSON text and `given` has the values. So a value is never a part of the expression.
field() {
    printf '%s' "$2" | python3 -c 'import json, sys
expression, _, *given = sys.argv[1:]
it = json.load(sys.stdin)
try: print(eval(expression, {"it": it, "given": given}))
except (KeyError, TypeError): sys.exit(f"the answer has no {expression}: {json.dumps(it)}")' "$@"
}

# object KEY VALUE...: print a JSON object. The values of two keys are numbers, the others are texts.
object() {
    python3 -c 'import json, sys
numbers = {"priority", "spread_seconds"}
pairs = zip(sys.argv[1::2], sys.argv[2::2])
print(json.dumps({key: int(value) if key in numbers else value for key, value in pairs}))' "$@"
}

# check_numbers VALUE...: return 1 if a value is no number, such as the id of a job.
check_numbers() {
    local value
    for value in "$@"; do
        case $value in
        '' | *[!0-9]*)
            printf 'expected a number: %s\n' "$value" >&2
            return 1
            ;;
        esac
    done
}

crawl_soon() { # SUBREDDIT: print the id of its job
    local answer
    answer=$(call POST /api/crawl "$(object subreddit "$1")") || return
    field "it['job']['id']" "$answer"
}

create_daily_schedule() { # SUBREDDIT: create it once, at 6 in the morning in Berlin; print its id
    local answer id
    answer=$(call GET /api/admin/scheduled-jobs "subreddit=$1") || return
    id=$(field "next((one['id'] for one in it['items'] if one['name'] == given[0]), '')" "$answer" "daily $1") || return
    if [ -z "$id" ]; then
        answer=$(call POST /api/admin/scheduled-jobs "$(object name "daily $1" subreddit "$1" \
            cron_expression '0 6 * * *' timezone Europe/Berlin priority 20 spread_seconds 600)") || return
        id=$(field "it['id']" "$answer") || return
    fi
    echo "$id"
}

show_next_runs() { # EXPRESSION ZONE: print the meaning in words, and the next due times
    local answer
    answer=$(call POST /api/admin/scheduled-jobs/preview \
        "$(object cron_expression "$1" timezone "$2")") || return
    field "'\n'.join([it['description'], *(run['local'] for run in it['next_runs'])])" "$answer"
}

boost() { # JOB POINTS: raise the priority of a live job; print it
    local answer
    check_numbers "$1" "$2" || return
    answer=$(call POST "/api/admin/jobs/$1/boost" "{\"boost\": $2}") || return
    field "it['priority']" "$answer"
}

explain() { # JOB: print why it runs or does not run
    check_numbers "$1" || return
    call GET "/api/admin/jobs/$1/explain"
}

cancel() { # JOB: cancel a live job
    local answer
    check_numbers "$1" || return
    answer=$(call POST "/api/admin/jobs/$1/cancel") || return
    field "it['status']" "$answer"
}

retry_failed() { # count the failed jobs, then retry exactly this number
    local filter='"filter": {"status": ["failed"]}' answer count
    answer=$(call POST /api/admin/jobs/bulk/retry "{$filter, \"dry_run\": true}") || return
    count=$(field "len(it['items'])" "$answer") || return
    answer=$(call POST /api/admin/jobs/bulk/retry "{$filter, \"expected_count\": $count}") || return
    field "it['succeeded']" "$answer"
}

enqueue_many() { # SUBREDDIT...: print the number of accepted names. A refused name is an error
    local names answer
    names=$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@") || return
    answer=$(call POST /api/admin/jobs/bulk "{\"subreddits\": $names, \"priority\": 50}") || return
    field "it['succeeded']" "$answer" || return
    printf '%s' "$answer" | python3 -c 'import json, sys
refused = [one for one in json.load(sys.stdin)["items"] if one["status"] >= 400]
for one in refused:
    name = json.dumps(one["subreddit"])
    print(name + " is refused:", one["code"] + ":", one["detail"], file=sys.stderr)
sys.exit(bool(refused))'
}

watch_job() { # JOB [SECONDS]: wait until it is final or the time is over; print its status
    local answer state='' second
    check_numbers "$1" || return
    for ((second = 0; second < ${2:-600}; second++)); do
        answer=$(call GET "/api/admin/jobs/$1") || return
        state=$(field "it['status']" "$answer") || return
        case $state in succeeded | failed | cancelled) break ;; esac
        sleep 1
    done
    echo "$state"
}

show_attention() { # print ok, or the most severe level and each condition with its remedy
    local answer
    answer=$(call GET /api/admin/overview) || return
    field '"\n".join([it["level"], *(one["sentence"] + " " + one["remedy"] for one in it["attention"])])' "$answer"
}

pause() { # SUBREDDIT REASON
    call POST /api/admin/queue/pause "$(object subreddit "$1" reason "$2")"
}

resume() { # SUBREDDIT
    call POST /api/admin/queue/resume "$(object subreddit "$1")"
}

# step NAME FUNCTION ARGUMENT...: print the result of a function. A 409 is no error here: a worker can
# finish a job before the next step, and another operator can do the same task at the same time. So
# `step` prints the answer of the API only after another error.
step() {
    local name=$1 result code=0
    shift
    result=$("$@" 2>&1) || code=$?
    case $code in
    0) echo "$name: $result" ;;
    2) echo "$name: not possible now, for example because the job is finished" ;;
    *)
        printf '%s\n' "$result" >&2
        return 1
        ;;
    esac
}

run_examples() {
    local job
    step "attention" show_attention || return
    step "next runs" show_next_runs '@daily' 'Europe/Berlin' || return
    step "schedule" create_daily_schedule BirdingNotes || return
    job=$(crawl_soon LunarAtlas) || return
    step "priority of job $job after a boost" boost "$job" 10 || return
    explain "$job" >/dev/null || return
    step "enqueued" enqueue_many TinyGardens BalconyPots || return
    step "pause" pause TinyGardens "its moderators asked for a break" >/dev/null || return
    call GET /api/admin/queue/pauses >/dev/null || return
    step "resume" resume TinyGardens >/dev/null || return
    step "watched" watch_job "$job" "${WATCH_SECONDS:-60}" || return
    job=$(crawl_soon MapTalk) || return
    step "cancelled job $job" cancel "$job" || return
    step "retried" retry_failed || return
    call GET '/api/admin/jobs?status=queued&sort=-priority&limit=10' >/dev/null || return
    call GET /api/admin/jobs/stats
}

if [ -n "${ADMIN_API_TOKEN:-}" ]; then
    if [ -n "${ZSH_VERSION:-}" ]; then typeset -g +x ADMIN_API_TOKEN; else export -n ADMIN_API_TOKEN; fi
fi

# Run the examples only if this file is executed. A shell that loads it gets the functions alone.
if [ -n "${ZSH_VERSION:-}" ]; then
    case ${ZSH_EVAL_CONTEXT:-} in *:file | *:file:*) ;; *) run_examples ;; esac
elif [ "${BASH_SOURCE[0]:-}" = "$0" ]; then
    run_examples
fi
