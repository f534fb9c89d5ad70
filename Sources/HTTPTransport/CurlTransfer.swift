import AsyncPrimitives
import CCurl
import Glibc
import TextCoding

/// One request on its way: owns the easy handle's options and what has come back so far.
///
/// Unchecked: after it was posted, only the transport's loop thread touches it.
final class CurlTransfer: @unchecked Sendable {
    private let request: HTTPRequest
    var continuation: CheckedContinuation<HTTPResponse, any Error>?
    var isCancelled = false
    private(set) var handle: UnsafeMutableRawPointer?
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private let uploaded: UnsafeMutableRawBufferPointer
    private var uploadOffset = 0
    private var status = 0
    private var headers = HTTPHeaders()
    private var body: [UInt8] = []
    private var isStreaming = false
    private var failure: HTTPError?

    init(_ request: HTTPRequest) {
        self.request = request
        // libcurl reads the body while the request runs: it needs an address that does not move.
        uploaded = .allocate(byteCount: max(1, request.body.count), alignment: 1)
        uploaded.copyBytes(from: request.body)
    }

    deinit { uploaded.deallocate() }

    static func of(_ handle: UnsafeMutableRawPointer) -> CurlTransfer {
        var pointer: UnsafeMutableRawPointer?
        _ = ccurl_get_pointer(handle, CURLINFO_PRIVATE, &pointer)
        return from(pointer)
    }

    private static func from(_ pointer: UnsafeMutableRawPointer?) -> CurlTransfer {
        Unmanaged<CurlTransfer>.fromOpaque(pointer!)._withUnsafeGuaranteedRef { $0 }
    }

    func configure(_ handle: UnsafeMutableRawPointer, caFile: String?) {
        self.handle = handle
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = ccurl_set_pointer(handle, CURLOPT_PRIVATE, context)
        _ = ccurl_set_string(handle, CURLOPT_URL, request.url)
        _ = ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        _ = ccurl_set_long(handle, CURLOPT_PATH_AS_IS, 1)
        _ = ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, request.timeout.milliseconds)
        _ = ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout.milliseconds)
        _ = ccurl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
        if request.sink != nil {
            // A socket that hangs in the middle of a body: found long before the whole download's time is over.
            _ = ccurl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
            _ = ccurl_set_long(handle, CURLOPT_LOW_SPEED_TIME, 30)
        }
        _ = ccurl_set_long(handle, CURLOPT_BUFFERSIZE, request.sink == nil ? 64 << 10 : 256 << 10)
        _ = ccurl_set_long(handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        _ = ccurl_set_long(handle, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        _ = ccurl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        if let caFile { _ = ccurl_set_string(handle, CURLOPT_CAINFO, caFile) }
        if request.bypassesProxy { _ = ccurl_set_string(handle, CURLOPT_NOPROXY, "*") }
        _ = ccurl_set_data_function(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            CurlTransfer.from(context).receive(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        _ = ccurl_set_pointer(handle, CURLOPT_WRITEDATA, context)
        _ = ccurl_set_data_function(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            CurlTransfer.from(context).receiveHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        _ = ccurl_set_pointer(handle, CURLOPT_HEADERDATA, context)
        configureBody(handle, context)
        setHeaders(handle)
    }

    private func configureBody(_ handle: UnsafeMutableRawPointer, _ context: UnsafeMutableRawPointer) {
        switch request.method {
        case "GET": break
        case "HEAD": _ = ccurl_set_long(handle, CURLOPT_NOBODY, 1)
        case "PUT":
            _ = ccurl_set_long(handle, CURLOPT_UPLOAD, 1)
            _ = ccurl_set_offset(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(request.body.count))
            _ = ccurl_set_data_function(handle, CURLOPT_READFUNCTION) { bytes, size, count, context in
                CurlTransfer.from(context).upload(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
            }
            _ = ccurl_set_pointer(handle, CURLOPT_READDATA, context)
            _ = ccurl_set_seek_function(handle) { context, offset, origin in
                guard origin == SEEK_SET else { return CURL_SEEKFUNC_CANTSEEK }
                CurlTransfer.from(context).uploadOffset = Int(offset)
                return CURL_SEEKFUNC_OK
            }
            _ = ccurl_set_pointer(handle, CURLOPT_SEEKDATA, context)
        case "POST":
            _ = ccurl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
            _ = ccurl_set_pointer(handle, CURLOPT_POSTFIELDS, uploaded.baseAddress)
        default:
            if !request.body.isEmpty {
                _ = ccurl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
                _ = ccurl_set_pointer(handle, CURLOPT_POSTFIELDS, uploaded.baseAddress)
            }
            _ = ccurl_set_string(handle, CURLOPT_CUSTOMREQUEST, request.method)
        }
    }

    /// Headers that libcurl would add by itself are taken out: they are not in the signature, and some servers trip over them.
    private func setHeaders(_ handle: UnsafeMutableRawPointer) {
        var lines = ["Expect:", "Accept:", "Transfer-Encoding:"]
        if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
            lines.append("Content-Type:")
        }
        for (name, value) in request.headers where name.lowercased() != "host" {
            lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        for line in lines { headerList = curl_slist_append(headerList, line) }
        _ = ccurl_set_list(handle, CURLOPT_HTTPHEADER, headerList)
    }

    private func receiveHeader(_ line: UnsafeRawBufferPointer) -> Int {
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {  // also after an interim response
            headers = HTTPHeaders()
            status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        } else if let colon = text.firstIndex(of: ":") {
            headers.append(String(text[..<colon]), String(text[text.index(after: colon)...].trimmed))
        } else if text.allSatisfy(\.isNewline), (200..<300).contains(status), let sink = request.sink {
            guard sink.begin(headers) else {
                failure = HTTPError(.sink, "the response's body is refused before it is read")
                return 0
            }
            isStreaming = true
        }
        return line.count
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        if isStreaming, let sink = request.sink {
            guard sink.write(bytes) else {
                failure = HTTPError(.sink, "the response's body cannot be stored")
                return 0
            }
            return bytes.count
        }
        guard body.count + bytes.count <= request.maximumBodyBytes else {
            failure = HTTPError(.bodyTooLarge, "the response has more than \(request.maximumBodyBytes) bytes")
            return 0
        }
        body.append(contentsOf: bytes)
        return bytes.count
    }

    private func upload(_ room: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(room.count, request.body.count - uploadOffset)
        guard count > 0 else { return 0 }
        room.copyMemory(from: UnsafeRawBufferPointer(rebasing: uploaded[uploadOffset..<uploadOffset + count]))
        uploadOffset += count
        return count
    }

    func result(_ code: CURLcode) -> Result<HTTPResponse, any Error> {
        if code == CURLE_OK { return .success(HTTPResponse(status: status, headers: headers, body: body)) }
        if let failure { return .failure(failure) }
        let kind: HTTPError.Kind =
            switch code {
            // A server that drops packets: the time ended before there was a connection to send the request on.
            case CURLE_OPERATION_TIMEDOUT: hasConnected ? .timeout : .unreachable
            case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .unreachable
            case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CACERT_BADFILE,
                CURLE_SSL_CERTPROBLEM:
                .untrusted
            case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .invalidRequest
            default: .broken
            }
        return .failure(
            HTTPError(
                kind,
                "\(request.endpoint.origin): \(String(cString: curl_easy_strerror(code))) (curl \(code.rawValue)"
                    + (kind == .untrusted
                        ? "\(code == CURLE_SSL_CONNECT_ERROR ? "; does the server speak http?" : ""); set AWS_CA_BUNDLE to trust a private CA)"
                        : ")")
            )
        )
    }

    /// The request could be sent (curl_easy_getinfo, CURLINFO_PRETRANSFER_TIME_T: the time until the transfer is about to begin).
    private var hasConnected: Bool {
        guard let handle else { return true }
        var microseconds: curl_off_t = 0
        _ = ccurl_get_offset(handle, CURLINFO_PRETRANSFER_TIME_T, &microseconds)
        return microseconds > 0
    }

    /// Lets the handle go, which has forgotten the options by now: their memory is freed.
    func release() {
        handle = nil
        curl_slist_free_all(headerList)
        headerList = nil
    }

    func resume(_ result: Result<HTTPResponse, any Error>) {
        continuation?.resume(with: result)
        continuation = nil
    }
}
