-- Logs a hundred metrics at the next step of a run: each run's turn comes again when all others have had theirs.
require "mlflow/common"

local METRICS = 100

function prepare()
    runs = parts(options.run_ids)
    -- Every other piece is the step, of which there are two for each metric: one in its value.
    pieces = {}
    for number = 0, METRICS - 1 do
        local before = number == 0 and "" or "},"
        table.insert(pieces, string.format('%s{"key":"metric-%02d","timestamp":1767225600000,"value":0.', before, number))
        table.insert(pieces, "")
        table.insert(pieces, ',"step":')
        table.insert(pieces, "")
    end
end

function request()
    local step = string.format("%d", options.first_step + serial)
    for at = 2, #pieces, 2 do
        pieces[at] = step
    end
    serial = serial + 1
    local run = runs[serial % #runs + 1]
    return post("runs/log-batch", '{"run_id":"' .. run .. '","metrics":[' .. table.concat(pieces) .. "}]}")
end
