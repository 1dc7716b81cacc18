// A genuine `ws` socket that also tells what passed through it.

import WebSocket from 'ws'

/**
 * The `transport` for a client. `tell` gets `{what: 'open'}`, `{what: 'closed', code}` and
 * `{what: 'frame', way: 'in' | 'out', text}`; a binary frame has `binary` (base64) for `text`.
 */
export function recordedTransport(tell) {
  return class extends WebSocket {
    constructor(address, protocols) {
      super(address, protocols)
      this.on('open', () => tell({ what: 'open' }))
      this.on('close', (code) => tell({ what: 'closed', code }))
      this.on('message', (data, isBinary) => tell(frame('in', isBinary ? data : data.toString())))
    }

    send(data, ...rest) {
      tell(frame('out', data))
      super.send(data, ...rest)
    }
  }
}

function frame(way, data) {
  if (typeof data === 'string') return { what: 'frame', way, text: data }
  return { what: 'frame', way, binary: Buffer.from(data).toString('base64') }
}
