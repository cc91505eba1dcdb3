use super::*;
use proptest::prelude::*;
use std::collections::HashMap;
use std::convert::Infallible;

/// The tree hash as section 2.1.1 of RFC 9162 defines it, straight from the entries.
fn defined(entries: &[Vec<u8>]) -> Hash {
    match entries {
        [] => empty_root(),
        [one] => leaf_hash(one),
        many => {
            let mut left = 1;
            while left * 2 < many.len() {
                left *= 2;
            }
            let (left, right) = many.split_at(left);
            node_hash(&defined(left), &defined(right))
        }
    }
}

fn entries(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| n.to_string().into_bytes()).collect()
}

/// Lets a tree grow and keeps the roots of its complete subtrees.
fn grow(entries: &[Vec<u8>]) -> (Frontier, HashMap<Place, Hash>) {
    let mut frontier = Frontier::default();
    let mut nodes = HashMap::new();
    for (position, entry) in entries.iter().enumerate() {
        let leaf = leaf_hash(entry);
        let place = Place {
            level: 0,
            position: position as u64,
        };
        nodes.insert(place, leaf);
        nodes.extend(frontier.push(leaf));
    }
    (frontier, nodes)
}

fn finder(nodes: &HashMap<Place, Hash>) -> impl FnMut(Place) -> Result<Hash, Infallible> + '_ {
    |place| Ok(nodes[&place])
}

/// The hashes of the test tree of RFC 6962's reference implementation.
#[test]
fn known_roots() {
    let hex = |hash: Hash| hash.iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(
        hex(empty_root()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        hex(leaf_hash(b"")),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    let inputs = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let bytes: Vec<Vec<u8>> = inputs
        .iter()
        .map(|text| {
            let pairs = text.as_bytes().chunks(2);
            let byte =
                |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
            pairs.map(byte).collect()
        })
        .collect();
    assert_eq!(
        hex(grow(&bytes).0.root()),
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    );
}

#[test]
fn every_proof_of_small_trees_holds() {
    let all = entries(40);
    let (_, nodes) = grow(&all);
    for size in 1..=all.len() {
        let root = defined(&all[..size]);
        let (frontier, _) = grow(&all[..size]);
        assert_eq!(frontier.root(), root);
        assert_eq!(root_at(size as u64, &mut finder(&nodes)), Ok(root));
        for (index, entry) in all[..size].iter().enumerate() {
            let at = (index as u64, size as u64);
            let proof = inclusion_proof(at.0, at.1, &mut finder(&nodes)).unwrap();
            assert!(includes(leaf_hash(entry), at, &proof, &root), "{at:?}");
            assert!(!includes(leaf_hash(b"other"), at, &proof, &root));
            assert!(!includes(leaf_hash(entry), (at.1, at.1), &proof, &root));
        }
        for first in 1..=size {
            let old = defined(&all[..first]);
            let (first, second) = (first as u64, size as u64);
            let proof = consistency_proof(first, second, &mut finder(&nodes)).unwrap();
            assert!(is_consistent((first, &old), (second, &root), &proof));
            let other = leaf_hash(b"other");
            assert!(!is_consistent((first, &other), (second, &root), &proof));
            assert!(!is_consistent((first, &old), (second, &other), &proof));
        }
    }
}

#[test]
fn a_frontier_survives_its_bytes() {
    let (frontier, _) = grow(&entries(21));
    let bytes = frontier.to_bytes();
    assert_eq!(Frontier::from_bytes(21, &bytes), Some(frontier));
    assert_eq!(Frontier::from_bytes(22, &bytes[..64]), None);
    assert_eq!(Frontier::from_bytes(21, &bytes[1..]), None);
}

proptest! {
    #[test]
    fn a_changed_proof_shows_nothing(
        size in 2..200_usize, index in 0..200_usize, at in 0..8_usize, bit in 0..8_u32,
    ) {
        let all = entries(size);
        let index = index % size;
        let (frontier, nodes) = grow(&all);
        let place = (index as u64, size as u64);
        let mut proof = inclusion_proof(place.0, place.1, &mut finder(&nodes)).unwrap();
        let leaf = leaf_hash(&all[index]);
        prop_assert!(includes(leaf, place, &proof, &frontier.root()));
        let at = at % proof.len();
        proof[at][at % 32] ^= 1 << bit;
        prop_assert!(!includes(leaf, place, &proof, &frontier.root()));
        proof.pop();
        prop_assert!(!includes(leaf, place, &proof, &frontier.root()));
    }
}
