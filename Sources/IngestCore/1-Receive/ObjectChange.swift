/// A hint that a key may have changed. What is indexed is what GET returns then.
package struct ObjectChange: Equatable, Sendable {
    package var object: ObjectReference
    /// As the event calls it, without `s3:`; for logs.
    package var event: String
    /// For logs; order comes from the ledger.
    package var sequencer: String?

    package init(object: ObjectReference, event: String, sequencer: String? = nil) {
        self.object = object
        self.event = event
        self.sequencer = sequencer
    }
}

/// A key in a bucket.
package struct ObjectReference: Hashable, Sendable, Codable, CustomStringConvertible {
    package var bucket: String
    package var key: String

    package init(bucket: String, key: String) {
        self.bucket = bucket
        self.key = key
    }

    package var description: String { "s3://\(bucket)/\(key)" }

    /// The last part of the key.
    package var name: String { key.split(separator: "/").last.map(String.init) ?? "" }
}
