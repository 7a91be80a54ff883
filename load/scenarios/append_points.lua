-- Appends a hundred points to the metric of any run.
require "common"

function request()
    local points = {}
    for at = 1, 100 do
        serial = serial + 1
        points[at] = string.format('{"name":"loss","value":%.6f,"step":%d}', 1 / serial, serial)
    end
    local run = options.first_run + any(options.runs)
    local body = '{"points":[' .. table.concat(points, ",") .. "]}"
    return wrk.format("POST", "/api/v1/experiment-runs/" .. run .. "/points", JSON, body)
end
