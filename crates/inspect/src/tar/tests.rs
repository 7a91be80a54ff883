//! Headers, records and maps as bytes, the odd ones above all; the tests of the API read what GNU tar writes.

use super::*;

/// A header of that kind with a right checksum.
pub(super) fn header(name: &str, kind: u8, size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[156] = kind;
    block[257..265].copy_from_slice(if kind == b'S' { b"ustar  \0" } else { b"ustar\x0000" });
    summed(block)
}

fn summed(mut block: [u8; 512]) -> [u8; 512] {
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fn read(block: [u8; 512]) -> Header {
    Header::parse(block).unwrap().unwrap()
}

fn record(key: &str, value: &str) -> Vec<u8> {
    let bare = key.len() + value.len() + 3;
    let digits = (bare + bare.to_string().len()).to_string().len();
    format!("{} {key}={value}\n", bare + digits).into_bytes()
}

fn records(pairs: &[(&str, &str)]) -> Vec<u8> {
    pairs.iter().flat_map(|(key, value)| record(key, value)).collect()
}

/// The member that a file of `stored` bytes is, with these records.
fn described(pairs: &[(&str, &str)], stored: u64) -> Result<Member> {
    let mut said = Extensions::default();
    said.add(Kind::Records, &records(pairs))?;
    said.member(read(header("GNUSparseFile.1/x", b'0', stored)))
}

fn layout(pairs: &[(&str, &str)], stored: u64) -> Result<Layout> {
    described(pairs, stored)?.layout()
}

fn why(result: Result<impl fmt::Debug>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn numbers_are_octal_or_binary() {
    let mut block = header("a", b'0', 8);
    assert_eq!(read(block).size, 8);
    block[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(read(summed(block)).size, 1 << 32);
    for bad in [[0xff; 12], [0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], *b"+0000000001\0", *b"00000000009\0"] {
        block[124..136].copy_from_slice(&bad);
        assert!(Header::parse(summed(block)).is_err(), "{bad:?}");
    }
    block[0] ^= 1;
    assert_eq!(Header::parse(block), Ok(None));
}

#[test]
fn names_come_from_the_header_the_prefix_or_an_extension() {
    let mut block = header("name", b'0', 0);
    block[345..348].copy_from_slice(b"a/b");
    let name = |block, said: &mut Extensions| said.member(read(summed(block))).map(|member| member.name);
    assert_eq!(name(block, &mut Extensions::default()).unwrap(), b"a/b/name");
    let mut said = Extensions::default();
    said.add(Kind::LongName, b"long\0").unwrap();
    assert_eq!(name(block, &mut said).unwrap(), b"long");
    said.add(Kind::Records, &records(&[("path", "x"), ("mtime", "1"), ("path", "long/er")])).unwrap();
    assert_eq!(name(block, &mut said).unwrap(), b"long/er");
    assert!(said.is_empty());
    said.add(Kind::Records, &records(&[("path", "x")])).unwrap();
    said.add(Kind::LongName, b"y").unwrap();
    assert!(why(name(block, &mut said)).contains("both name"));
    block[257..265].copy_from_slice(b"ustar  \0");
    assert_eq!(name(block, &mut Extensions::default()).unwrap(), b"name", "GNU has other things there");
    block[257..265].copy_from_slice(b"ustar\0\0\0");
    assert!(name(block, &mut Extensions::default()).is_err());
}

#[test]
fn a_member_is_described_once_and_no_header_describes_all() {
    let mut said = Extensions::default();
    said.add(Kind::Records, &records(&[("comment", "")])).unwrap();
    assert!(why(said.add(Kind::Records, b"")).contains("one member"));
    for key in ["path", "size", "linkpath", "GNU.sparse.map", "SCHILY.realsize"] {
        let mut said = Extensions::default();
        assert!(why(said.add(Kind::GlobalRecords, &records(&[(key, "1")]))).contains(key));
    }
    Extensions::default().add(Kind::GlobalRecords, &records(&[("comment", "a commit")])).unwrap();
    for broken in ["5 a=b\n", "6 a=b\n6 ", "x a=b\n", "99 a=b\n", "6 a=bc"] {
        assert!(Extensions::default().add(Kind::Records, broken.as_bytes()).is_err(), "{broken:?}");
    }
}

#[test]
fn folders_have_no_bytes() {
    let kind = |block| Extensions::default().member(read(block)).map(|member| member.kind);
    assert_eq!(kind(header("a/", b'0', 0)), Ok(Kind::Folder));
    assert_eq!(kind(header("a", b'5', 0)), Ok(Kind::Folder));
    assert!(kind(header("a", b'5', 1)).is_err());
    assert_eq!(kind(header("a/", b'0', 1)), Ok(Kind::File), "the name is refused by whoever wants a path");
}

#[test]
fn the_forms_of_posix_say_where_bytes_are() {
    let two = vec![Fragment { offset: 512, length: 512 }, Fragment { offset: 2048, length: 3 }];
    let expected = Layout { size: 4096, stored: 515, fragments: two };
    let zero = [
        ("GNU.sparse.size", "4096"),
        ("GNU.sparse.numblocks", "3"),
        ("GNU.sparse.offset", "512"),
        ("GNU.sparse.numbytes", "512"),
        ("GNU.sparse.offset", "2048"),
        ("GNU.sparse.numbytes", "3"),
        ("GNU.sparse.offset", "4096"),
        ("GNU.sparse.numbytes", "0"),
    ];
    assert_eq!(layout(&zero, 515).unwrap(), expected);
    let one = [
        ("GNU.sparse.size", "4096"),
        ("GNU.sparse.numblocks", "3"),
        ("GNU.sparse.name", "real"),
        ("GNU.sparse.map", "512,512,2048,3,4096,0"),
    ];
    assert_eq!(layout(&one, 515).unwrap(), expected);
    assert_eq!(described(&one, 515).unwrap().name, b"real");
    let newest = [
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.name", "real"),
        ("GNU.sparse.realsize", "4096"),
    ];
    let mut member = described(&newest, 1027).unwrap();
    let mut block = [0; 512];
    let map = b"3\n512\n512\n2048\n3\n4096\n0\n";
    block[..map.len()].copy_from_slice(map);
    assert!(member.wants_block());
    member.add_block(&block).unwrap();
    assert!(!member.wants_block());
    assert_eq!((member.layout().unwrap(), member.name.as_slice()), (expected, b"real".as_slice()));
}

#[test]
fn a_map_that_cannot_be_followed_is_refused() {
    for (map, stored, says) in [
        ("512,512,0,512", 1024, "overlap"),
        ("0,5,512,5", 10, "begin with blocks"),
        ("0,512,4095,2", 514, "beyond"),
        ("0,512", 100, "are stored"),
        ("18446744073709551615,1", 1, "too long"),
        ("0", 0, "without a length"),
        ("0,a", 0, "not a number"),
        ("", 0, "not a number"),
        ("-1,1", 1, "not a number"),
    ] {
        let records = [("GNU.sparse.size", "4096"), ("GNU.sparse.map", map)];
        assert!(why(layout(&records, stored)).contains(says), "{map}: {}", why(layout(&records, stored)));
    }
    for (records, says) in [
        (&[("GNU.sparse.major", "2"), ("GNU.sparse.minor", "0")][..], "not known"),
        (&[("GNU.sparse.name", "a")], "no map"),
        (&[("GNU.sparse.map", "0,1")], "size is missing"),
        (&[("GNU.sparse.size", "1"), ("GNU.sparse.numblocks", "2"), ("GNU.sparse.map", "0,1")], "as many"),
        (&[("GNU.sparse.size", "1"), ("GNU.sparse.numbytes", "1"), ("GNU.sparse.offset", "0")], "not a number"),
        (&[("SCHILY.realsize", "1")], "not known"),
        (&[("size", "")], "not a number"),
        (&[("path", "")], "not a name"),
    ] {
        assert!(why(layout(records, 1)).contains(says), "{records:?}: {}", why(layout(records, 1)));
    }
}

#[test]
fn the_old_form_continues_in_further_blocks() {
    let pair = |at: usize| format!("{:011o}\0{:011o}\0", at * 1024, 512).into_bytes();
    let mut block = header("six", b'S', 6 * 512);
    block[386..482].copy_from_slice(&(0..4).flat_map(pair).collect::<Vec<_>>());
    block[482] = 1;
    block[483..494].copy_from_slice(format!("{:011o}", 8192).as_bytes());
    let mut member = Extensions::default().member(read(summed(block))).unwrap();
    let mut rest = [0; 512];
    rest[..48].copy_from_slice(&(4..6).flat_map(pair).collect::<Vec<_>>());
    member.add_block(&rest).unwrap();
    assert!(!member.wants_block());
    let layout = member.layout().unwrap();
    assert_eq!((layout.size, layout.stored, layout.fragments.len()), (8192, 3072, 6));
    block[386] = 0;
    assert!(why(Extensions::default().member(read(summed(block)))).contains("after its end"));
    block[257..265].copy_from_slice(b"ustar\x0000");
    assert!(why(Extensions::default().member(read(summed(block)))).contains("not known"));
}

#[test]
fn a_map_does_not_grow_for_ever() {
    let newest = [
        ("size", "4611686018427387904"),
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.realsize", "4096"),
    ];
    let mut member = described(&newest, 0).unwrap();
    let blocks = MAX_EXTENDED / BLOCK;
    for _ in 0..blocks {
        member.add_block(&[b'1'; 512]).unwrap();
    }
    assert!(why(member.add_block(&[b'1'; 512])).contains("longer"));
}
