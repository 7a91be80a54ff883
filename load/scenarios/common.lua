-- What every scenario shares: options, random ids, JSON, and how answers are counted. A scenario defines `request`, and
-- `learn` where it continues with what it was answered. wrk is started in this folder.
local threads = {}

KUBEFLOW = "/api/model_registry/v1alpha3"
JSON = { ["Content-Type"] = "application/json" }

function setup(thread)
    table.insert(threads, thread)
    thread:set("thread_number", #threads)
end

-- Each argument is KEY=VALUE.
function init(args)
    options = {}
    for _, argument in ipairs(args) do
        local key, value = argument:match("^([%w_]+)=(.*)$")
        if key then
            options[key] = tonumber(value) or value
        end
    end
    counts = { ok = 0, other = 0, client = 0, server = 0, busy = 0, unadvised = 0 }
    serial = 0
    math.randomseed(options.seed + thread_number * 7919)
    if prepare then
        prepare()
    end
end

-- The number of any version, and of any of `count` things.
function any(count)
    return math.random(0, count - 1)
end

-- A name that nobody else gives, in this run or in another one.
function fresh(what)
    serial = serial + 1
    return string.format("%s %d-%d-%d", what, options.seed, thread_number, serial)
end

function name_of(number)
    return string.format("v%07d", number * 7919 % 1000003)
end

function escape(text)
    return (text:gsub("[^%w]", function(byte)
        return string.format("%%%02X", byte:byte())
    end))
end

-- A list of versions by a filter.
function filtered(text)
    return wrk.format("GET", KUBEFLOW .. "/model_versions?pageSize=100&filterQuery=" .. escape(text))
end

function response(status, headers, body)
    if status >= 200 and status < 300 then
        counts.ok = counts.ok + 1
    elseif status == 503 then
        counts.busy = counts.busy + 1
        local advised = false
        for name in pairs(headers) do
            advised = advised or name:lower() == "retry-after"
        end
        if not advised then
            counts.unadvised = counts.unadvised + 1
        end
    elseif status >= 500 then
        counts.server = counts.server + 1
    elseif status >= 400 then
        counts.client = counts.client + 1
    else
        counts.other = counts.other + 1
    end
    if status >= 300 and status ~= 503 and not shown then
        shown = true
        io.stderr:write(string.format("%d: %s\n", status, body:sub(1, 400)))
    end
    if learn then
        learn(status, headers, body)
    end
end

function done(summary, latency, requests)
    local total = {}
    for _, thread in ipairs(threads) do
        for name, count in pairs(thread:get("counts")) do
            total[name] = (total[name] or 0) + count
        end
    end
    local lost = summary.errors.connect + summary.errors.read + summary.errors.write
    io.write(string.format(
        '{"seconds": %.6f, "ok": %d, "other": %d, "client": %d, "server": %d, "busy": %d, "unadvised": %d, '
            .. '"lost": %d, "timeout": %d, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, "bytes": %d}\n',
        summary.duration / 1e6, total.ok, total.other, total.client, total.server, total.busy, total.unadvised,
        lost, summary.errors.timeout, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
        summary.bytes
    ))
end
