-- Downloads a MiB.
require "common"

function request()
    return wrk.format("GET", options.path)
end
