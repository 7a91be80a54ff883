-- Uploads a MiB that was not there before.
require "common"

function prepare()
    padding = string.rep("0123456789abcdef", 65536)
end

function request()
    local start = fresh("made")
    local path = "/api/v1/models/uploads/versions/1/files/" .. escape(start) .. ".bin"
    return wrk.format("PUT", options.path or path, nil, start .. padding:sub(#start + 1))
end
