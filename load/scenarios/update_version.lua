-- Changes any version at the revision that was read last.
require "common"

-- Versions that no request is under way for, with their entity tags.
local idle = {}
local next

function prepare()
    next = any(options.versions)
end

function request()
    local version = table.remove(idle, 1)
    if not version then
        next = (next + 1) % options.versions
        return wrk.format("GET", KUBEFLOW .. "/model_versions/" .. options.first_version + next)
    end
    local headers = { ["Content-Type"] = "application/json", ["If-Match"] = version.tag }
    local body = '{"author": "' .. fresh("editor") .. '"}'
    return wrk.format("PATCH", KUBEFLOW .. "/model_versions/" .. version.id, headers, body)
end

function learn(status, headers, body)
    local id = body:match('"id":%s*"(%d+)"')
    for name, value in pairs(headers) do
        if status == 200 and id and name:lower() == "etag" then
            table.insert(idle, { id = id, tag = value })
        end
    end
end
