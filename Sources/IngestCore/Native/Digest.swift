import CCrypto

/// SHA-256, SHA-1 and HMAC over libcrypto.
package enum Digest {
    package static func sha256(_ bytes: some Collection<UInt8>) -> [UInt8] { oneShot(bytes, EVP_sha256(), 32) }

    package static func sha256(_ text: String) -> [UInt8] { sha256(text.utf8) }

    package static func hmacSHA256(key: [UInt8], _ message: String) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: 32)
        var text = message
        let isDone = text.withUTF8 {
            HMAC(EVP_sha256(), key, Int32(key.count), $0.baseAddress, $0.count, &output, nil) != nil
        }
        precondition(isDone, "libcrypto cannot make an HMAC")
        return output
    }

    private static func oneShot(_ bytes: some Collection<UInt8>, _ algorithm: OpaquePointer?, _ length: Int) -> [UInt8]
    {
        var output = [UInt8](repeating: 0, count: length)
        let code = bytes.withContiguousStorageIfAvailable {
            EVP_Digest($0.baseAddress, $0.count, &output, nil, algorithm, nil)
        }
        if code == nil { return oneShot(Array(bytes), algorithm, length) }
        precondition(code == 1, "libcrypto cannot make a digest")
        return output
    }
}

/// A digest over bytes that come piece by piece. Owns one libcrypto context.
final class RunningDigest {
    private let context: OpaquePointer
    private let length: Int

    /// - Parameter name: as libcrypto spells it, such as `SHA256`; nil where this build lacks it.
    init?(_ name: String) {
        guard let algorithm = EVP_get_digestbyname(name), let context = EVP_MD_CTX_new() else { return nil }
        self.context = context
        length = Int(EVP_MD_get_size(algorithm))
        guard EVP_DigestInit_ex(context, algorithm, nil) == 1 else { return nil }
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) { EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) }

    func finish() -> [UInt8] {
        var output = [UInt8](repeating: 0, count: length)
        EVP_DigestFinal_ex(context, &output, nil)
        return output
    }
}
