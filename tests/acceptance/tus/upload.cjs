// Uploads a file with the stock tus-js-client, and tells on its output where it goes and its progress.
// usage: node upload.cjs ENDPOINT UPLOAD_URL|- FILE CHUNK_SIZE|0 METADATA_AS_JSON
// The variable TUS_HEADERS has further headers as JSON, and TUS_RETRIES how often what failed is tried again.

const fs = require('node:fs')
const { Upload } = require('tus-js-client')

const [endpoint, uploadUrl, path, chunkSize, metadata] = process.argv.slice(2)
const upload = new Upload(fs.createReadStream(path), {
  endpoint,
  uploadUrl: uploadUrl === '-' ? null : uploadUrl,
  uploadSize: fs.statSync(path).size,
  // A stream has to be read in chunks that fit into memory; the client's own buffering asks for a size.
  chunkSize: Number(chunkSize) || 64 * 1024 * 1024,
  metadata: JSON.parse(metadata),
  headers: JSON.parse(process.env.TUS_HEADERS || '{}'),
  retryDelays: Array(Number(process.env.TUS_RETRIES || 60)).fill(500),
  onUploadUrlAvailable: () => console.log(`url ${upload.url}`),
  onProgress: (sent) => console.log(`sent ${sent}`),
  onError: (error) => {
    console.error(String(error))
    process.exitCode = 1
  },
  onSuccess: () => console.log('done'),
})
upload.start()
