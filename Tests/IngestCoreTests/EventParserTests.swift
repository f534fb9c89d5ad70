import IngestCore
import Testing
import TextCoding

@Suite struct EventParserTests {
    private func record(_ version: String, _ name: String, _ key: String, extra: String = "") -> String {
        """
        {"eventVersion":"\(version)","eventSource":"aws:s3","eventName":"\(name)",\(extra)"s3":{"s3SchemaVersion":"1.0","bucket":{"name":"documents"},
        "object":{"key":"\(key)","size":7,"sequencer":"0055AED6DCD90281E5","hasObjectAnnotation":false}},"futureField":{"x":[1]}}
        """
    }

    private func changes(_ body: String) throws -> [ObjectChange] {
        guard case .changes(let changes) = try EventParser.parse(body) else { return [] }
        return changes
    }

    @Test(arguments: ["2.0", "2.1", "2.3", "2.6", "2.99"])
    func everyVersionTwo(_ version: String) throws {
        let found = try changes("{\"Records\":[\(record(version, "ObjectCreated:Put", "docs/a.pdf"))]}")
        #expect(
            found == [
                ObjectChange(
                    object: ObjectReference(bucket: "documents", key: "docs/a.pdf"),
                    event: "ObjectCreated:Put",
                    sequencer: "0055AED6DCD90281E5"
                )
            ]
        )
    }

    @Test func versionThreeIsRefusedByName() {
        #expect(throws: EventParser.Unreadable.self) {
            try EventParser.parse("{\"Records\":[\(record("3.0", "ObjectCreated:Put", "a"))]}")
        }
    }

    @Test(arguments: [
        ("a+b", "a b"), ("a%2Bb", "a+b"), ("100%25", "100%"), ("%F0%9F%98%80", "😀"), ("docs%2Fa", "docs/a"),
        ("a%0Ab", "a\nb"), ("a%00b", "a\0b"),
        ("%", "%"), ("a/../b", "a/../b"),
    ])
    func keysOfNotificationsAreFormEncoded(_ wire: String, _ key: String) throws {
        #expect(try changes("{\"Records\":[\(record("2.1", "ObjectCreated:Put", wire))]}").first?.object.key == key)
    }

    @Test func keysOfEventBridgeAreAsTheyAre() throws {
        let event = """
            {"version":"0","detail-type":"Object Created","source":"aws.s3","detail":{"version":"0","bucket":{"name":"documents"},
            "object":{"key":"a+b%20c","size":1,"etag":"x","sequencer":"617f08299329d189"}}}
            """
        #expect(try changes(event).first?.object.key == "a+b%20c")
        #expect(try changes(event.replacing("Object Created", with: "Object ACL Updated")).isEmpty)
        #expect(try changes(event.replacing("Object Created", with: "Object Tags Added")).count == 1)
    }

    @Test func allRecordsCountAndOtherEventsDoNot() throws {
        let names = [
            "s3:ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated", "LifecycleExpiration:Delete",
            "ObjectTagging:Put", "ObjectRestore:Completed", "ObjectRestore:Post", "ObjectAcl:Put",
        ]
        let records = names.enumerated().map { record("2.1", $1, "key\($0)") }.joined(separator: ",")
        #expect(
            try changes("{\"Records\":[\(records)]}").map(\.object.key) == ["key0", "key1", "key2", "key3", "key4"]
        )
        #expect(try changes("{\"Records\":[]}").isEmpty)
    }

    @Test func envelopesAreRecognizedByStructure() throws {
        let inner = "{\"Records\":[\(record("2.1", "ObjectCreated:Put", "a"))]}"
        let wrapped = String(
            decoding: JSONWriter.object {
                $0.field("Type", "Notification")
                $0.field("Message", inner)
                $0.field("SigningCertURL", "https://evil.example/cert")
            },
            as: UTF8.self
        )
        #expect(try changes(wrapped) == changes(inner))
        #expect(
            try EventParser.parse("{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Bucket\":\"b\"}") == .test
        )
        for bad in ["", "hello", "[]", "{}", "{\"Type\":\"Notification\"}", "{\"Records\":[{}]}"] {
            #expect(throws: EventParser.Unreadable.self, "\(bad)") { try EventParser.parse(bad) }
        }
    }

    @Test(arguments: ["docs/a b+c/ü~.txt", "a//b", "x\u{1}y", String(repeating: "é", count: 512), "%2F"])
    func hintsNameTheirObject(_ key: String) throws {
        let object = ObjectReference(bucket: "documents", key: key)
        #expect(try changes(ObjectChange.hint(for: object)).map(\.object) == [object])
    }

    @Test(arguments: [
        "", "b", "localhost:9200/", "x@2130706433:80/", "documents@localhost:80/?", "../other", "a..b", "doc/uments",
        "docu\u{0}ments",
        String(repeating: "a", count: 256), "-documents", "b\u{FC}cher",
    ])
    func aBucketsNameThatCannotBeOneIsNeverCalled(_ name: String) throws {
        let object = ObjectReference(bucket: name, key: "a")
        #expect(throws: EventParser.Unreadable.self) { try EventParser.parse(ObjectChange.hint(for: object)) }
        let bridge = JSONWriter.object { event in
            event.field("source", "aws.s3")
            event.field("detail-type", "Object Created")
            event.object("detail") { detail in
                detail.object("bucket") { $0.field("name", name) }
                detail.object("object") { $0.field("key", "a") }
            }
        }
        #expect(throws: EventParser.Unreadable.self) { try EventParser.parse(String(decoding: bridge, as: UTF8.self)) }
    }

    @Test func keysAreAsLongAsThoseOfS3() throws {
        for count in [0, 1025] {
            let object = ObjectReference(bucket: "documents", key: String(repeating: "a", count: count))
            #expect(throws: EventParser.Unreadable.self) { try EventParser.parse(ObjectChange.hint(for: object)) }
        }
    }
}
