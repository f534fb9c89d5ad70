import AsyncPrimitives
import CCurl
import Glibc

/// `HTTPClient` on one libcurl multi handle, which belongs to one thread: callers leave commands in a queue and wake it. It lives as long as the
/// program.
///
/// Unchecked: `multi`, `idleHandles` and the transfers' state are touched by the loop thread only.
package final class CurlTransport: HTTPClient, @unchecked Sendable {
    private enum Command {
        case start(CurlTransfer)
        case cancel(CurlTransfer)
    }

    private struct Commands {
        var items: [Command] = []
        var isAwake = false
    }

    private let commands = LockedValue(Commands())
    private let multi: UnsafeMutableRawPointer
    private let caFile: String?
    private var idleHandles: [UnsafeMutableRawPointer] = []
    private static let maximumIdleHandles = 64

    private static let initializeOnce: Void = {
        curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        signal(SIGPIPE, SIG_IGN)
    }()

    /// - Parameter caFile: certificates to trust in addition to the system's, in PEM.
    package init(caFile: String? = nil, maximumConnections: Int = 256) {
        _ = Self.initializeOnce
        self.caFile = caFile
        multi = curl_multi_init()
        _ = ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, maximumConnections)
        DetachedThread.start { self.loop() }
    }

    package func execute(_ request: HTTPRequest) async throws -> HTTPResponse {
        let transfer = CurlTransfer(request)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                transfer.continuation = continuation
                post(.start(transfer))
            }
        } onCancel: {
            post(.cancel(transfer))
        }
    }

    private func post(_ command: Command) {
        let mustWake = commands.withLock { commands in
            commands.items.append(command)
            defer { commands.isAwake = true }
            return !commands.isAwake
        }
        if mustWake { curl_multi_wakeup(multi) }
    }

    // The loop thread.

    private func loop() {
        var running: Int32 = 0
        var transfers: [ObjectIdentifier: CurlTransfer] = [:]
        while true {
            for command in takeCommands() {
                switch command {
                case .start(let transfer): if start(transfer) { transfers[ObjectIdentifier(transfer)] = transfer }
                case .cancel(let transfer):
                    transfer.isCancelled = true
                    if transfers.removeValue(forKey: ObjectIdentifier(transfer)) != nil {
                        finish(transfer, .failure(CancellationError()))
                    }
                }
            }
            curl_multi_perform(multi, &running)
            for transfer in finishedTransfers() { transfers.removeValue(forKey: ObjectIdentifier(transfer)) }
            curl_multi_poll(multi, nil, 0, 1000, nil)
        }
    }

    private func takeCommands() -> [Command] {
        commands.withLock { commands in
            commands.isAwake = false
            defer { commands.items = [] }
            return commands.items
        }
    }

    private func start(_ transfer: CurlTransfer) -> Bool {
        guard !transfer.isCancelled, let handle = idleHandles.popLast() ?? curl_easy_init() else {
            transfer.resume(.failure(CancellationError()))
            return false
        }
        transfer.configure(handle, caFile: caFile)
        let code = curl_multi_add_handle(multi, handle)
        if code == CURLM_OK { return true }
        finish(transfer, .failure(HTTPError(.invalidRequest, String(cString: curl_multi_strerror(code)))))
        return false
    }

    private func finish(_ transfer: CurlTransfer, _ result: Result<HTTPResponse, any Error>) {
        if let handle = transfer.handle {
            curl_multi_remove_handle(multi, handle)
            curl_easy_reset(handle)
            transfer.release()
            if idleHandles.count < Self.maximumIdleHandles {
                idleHandles.append(handle)
            } else {
                curl_easy_cleanup(handle)
            }
        }
        transfer.resume(result)
    }

    private func finishedTransfers() -> [CurlTransfer] {
        var finished: [CurlTransfer] = []
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle else { continue }
            let transfer = CurlTransfer.of(handle)
            finish(transfer, transfer.result(message.pointee.data.result))
            finished.append(transfer)
        }
        return finished
    }
}
