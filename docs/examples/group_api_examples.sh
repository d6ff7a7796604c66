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
    local answer outcome deadline=$((SECONDS + ${2:-86400}))
    check_numbers "$1" || return
    while true; do
        answer=$(call GET "/api/admin/groups/$1") || return
        outcome=$(field "it['outcome'] or ''" "$answer") || return
        [ -z "$outcome" ] || break
        field "f\"{it['counts']['succeeded']} of {it['steps']} steps have succeeded\"" "$answer" >&2 || return
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

show_failures() { # GROUP: print the first 500 steps that did not succeed, with their reasons
    local answer
    check_numbers "$1" || return
    answer=$(call GET "/api/admin/groups/$1/steps?state=failed&state=cancelled&state=skipped&state=held&limit=500") ||
        return
    field "'\n'.join(f\"{each['key']} {each['state']}: {each['reason']}\" for each in it['items'])" "$answer"
}

explain_step() { # GROUP KEY: print why the step has its state, and its upstreams down to the root causes
    local answer
    check_numbers "$1" || return
    case $2 in
    '' | *[!A-Za-z0-9._:-]*)
        printf 'expected the key of a step: %s\n' "$2" >&2
        return 1
        ;;
    esac
    answer=$(call GET "/api/admin/groups/$1/steps/$2/explain") || return
    field "'\n'.join([it['summary'], *(f\"{each['number']} {each['kind']} {each['key'] or each['job_id'] or each['group_id']}, \"
f\"for {each['waited_for_by']}: {each['summary']}\" for each in it['upstreams'])])" "$answer"
}

# Run only if this file is executed.
if [ -z "${ZSH_VERSION:-}" ] && [ "${BASH_SOURCE[0]:-}" = "$0" ]; then
    watch_group "$(crawl_list 'example list' BirdingNotes MapTalk)" "${WATCH_SECONDS:-600}"
fi
