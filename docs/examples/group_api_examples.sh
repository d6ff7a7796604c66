#!/usr/bin/env bash
# Groups of crawls, over the API: create a group, wait until it has finished, show its failures.
# docs/concepts/groups.md uses these functions.
#
#   export ADMIN_API_TOKEN_FILE=.onebox/admin-token
#   source docs/examples/group_api_examples.sh
#   watch_group "$(crawl_list 'my list' BirdingNotes MapTalk)"
#
# Executed as a script, it crawls a short list and waits for the end. Each function returns 0, 1 or 2 as the
# functions of job_api_examples.sh do. watch_group also returns 3.

# zsh has the path of this file in $0.
. "$(dirname "${BASH_SOURCE[0]:-$0}")/job_api_examples.sh"

create_group() { # JSON: create a group; print its id
    local answer
    answer=$(call POST /api/admin/groups "$1") || return
    field "it['id']" "$answer"
}

crawl_list() { # NAME SUBREDDIT...: create a group of crawls that do not wait for one another; print its id
    local body
    body=$(python3 -c 'import json, sys
name, *subreddits = sys.argv[1:]
print(json.dumps({"name": name, "steps": [{"subreddit": each} for each in subreddits]}))' "$@") || return
    create_group "$body"
}

create_schedule() { # JSON: create a schedule, for example one with steps; print its id
    local answer
    answer=$(call POST /api/admin/scheduled-jobs "$1") || return
    field "it['id']" "$answer"
}

run_schedule() { # SCHEDULE: create the group of a schedule with steps at once; print the id of the group
    local answer
    check_numbers "$1" || return
    answer=$(call POST "/api/admin/scheduled-jobs/$1/run") || return
    field "it['id']" "$answer"
}

watch_group() { # GROUP [SECONDS]: wait until it has finished; print its outcome and its failures
    local answer outcome progress shown='' deadline=$((SECONDS + ${2:-86400}))
    check_numbers "$1" || return
    while true; do
        answer=$(call GET "/api/admin/groups/$1") || return
        outcome=$(field "it['outcome'] or ''" "$answer") || return
        [ -z "$outcome" ] || break
        progress=$(show_progress "$1" "$answer") || return
        [ "$progress" = "$shown" ] || printf '%s\n' "$progress" >&2
        shown=$progress
        if ((SECONDS >= deadline)); then
            echo "group $1 has not finished" >&2
            return 3
        fi
        sleep "${POLL_SECONDS:-5}"
    done
    echo "$outcome"
    [ "$outcome" != succeeded ] || return 0
    show_failures "$1" || return
    return 3
}

watch_held() { # GROUP [SECONDS]: wait until a step is held; print the held steps with the possible decisions
    local answer held outcome deadline=$((SECONDS + ${2:-86400}))
    check_numbers "$1" || return
    while true; do
        answer=$(call GET "/api/admin/groups/$1") || return
        held=$(show_held "$1") || return
        [ -z "$held" ] || break
        outcome=$(field "it['outcome'] or ''" "$answer") || return
        if [ -n "$outcome" ] || ((SECONDS >= deadline)); then
            echo "no step of group $1 is held" >&2
            return 3
        fi
        sleep "${POLL_SECONDS:-5}"
    done
    printf '%s\n' "$held"
}

# show_progress GROUP ANSWER: print the counts, and the causes for which an operator must act.
show_progress() {
    field "f\"{it['counts']['succeeded']} of {it['steps']} steps have succeeded\"" "$2" || return
    if [ "$(field "it['paused_at'] is not None" "$2")" = True ]; then
        echo "the group is paused: resume_group $1 lets its pending steps start"
    fi
    [ "$(field "it['counts']['held']" "$2")" = 0 ] || show_held "$1"
}

show_held() { # GROUP: print the first 20 held steps, with their reasons and the possible decisions
    local answer
    check_numbers "$1" || return
    answer=$(call GET "/api/admin/groups/$1/steps?state=held&limit=20") || return
    field "'\n'.join(f\"{each['key']} is held: {each['reason']}: proceed_step {each['group_id']} {each['key']}, \"
f\"or skip_step {each['group_id']} {each['key']}\" for each in it['items'])" "$answer"
}

show_failures() { # GROUP: print the first 500 steps that did not succeed, with their reasons
    local answer
    check_numbers "$1" || return
    answer=$(call GET "/api/admin/groups/$1/steps?state=failed&state=cancelled&state=skipped&state=held&limit=500") ||
        return
    field "'\n'.join(f\"{each['key']} {each['state']}: {each['reason']}\" for each in it['items'])" "$answer"
}

# check_key VALUE: return 1 if the value is no key of a step.
check_key() {
    case $1 in
    '' | *[!A-Za-z0-9._:-]*)
        printf 'expected the key of a step: %s\n' "$1" >&2
        return 1
        ;;
    esac
}

explain_step() { # GROUP KEY: print why the step has its state, and its upstreams down to the root causes
    local answer
    check_numbers "$1" && check_key "$2" || return
    answer=$(call GET "/api/admin/groups/$1/steps/$2/explain") || return
    field "'\n'.join([it['summary'], *(f\"{each['number']} {each['kind']} {each['key'] or each['job_id'] or each['group_id']}, \"
f\"for {each['waited_for_by']}: {each['summary']}\" for each in it['upstreams'])])" "$answer"
}

proceed_step() { # GROUP KEY: start a held step although an upstream did not succeed; print its state
    decide_step "$1" "$2" proceed
}

skip_step() { # GROUP KEY: skip a held step; print its state
    decide_step "$1" "$2" skip
}

# decide_step GROUP KEY DECISION: print the state of the step after the decision.
decide_step() {
    local answer
    check_numbers "$1" && check_key "$2" || return
    answer=$(call POST "/api/admin/groups/$1/steps/$2/$3" '{}') || return
    field "f\"{it['key']} is {it['state']}\"" "$answer"
}

pause_group() { # GROUP: start no pending step of the group
    change_group "$1" pause '{}' >/dev/null && echo "group $1 is paused"
}

resume_group() { # GROUP: let the pending steps of the group start again
    change_group "$1" resume '{}' >/dev/null && echo "group $1 is not paused"
}

preview_cancel() { # GROUP: change nothing; print the effect of a cancel
    change_steps "$1" cancel '{"dry_run": true}'
}

cancel_group() { # GROUP: cancel its open steps, and the live jobs that only this group requested
    change_steps "$1" cancel '{}'
}

retry_failed_steps() { # GROUP: retry its failed steps; the steps that were skipped or held for them wait again
    change_steps "$1" retry-failed '{}'
}

boost_group() { # GROUP POINTS: raise the priority of its live jobs and waiting steps
    check_numbers "$2" || return
    change_steps "$1" boost "{\"boost\": $2}"
}

# change_group GROUP CHANGE JSON: print the answer.
change_group() {
    check_numbers "$1" || return
    call POST "/api/admin/groups/$1/$2" "$3"
}

# change_steps GROUP CHANGE JSON: print the number of steps by result. Workers make a change of more than 1,000
# steps as an operation. In this case print the path that shows the progress of the operation.
change_steps() {
    local answer
    answer=$(change_group "$1" "$2" "$3") || return
    field "f\"watch /api/admin/operations/{it['id']}\" if 'resource_type' in it else ', '.join(
[f\"steps: {it['steps']}\", *(f\"{result}: {number}\" for result, number in sorted(it['counts'].items())),
*([it['detail']] if it.get('detail') else [])])" "$answer"
}

# Run only if this file is executed.
if [ -z "${ZSH_VERSION:-}" ] && [ "${BASH_SOURCE[0]:-}" = "$0" ]; then
    watch_group "$(crawl_list 'example list' BirdingNotes MapTalk)" "${WATCH_SECONDS:-600}"
fi
