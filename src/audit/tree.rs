//! The Merkle tree of RFC 9162, section 2.1: hashes, growth, proofs and their verification.
//!
//! It is arithmetic over hashes; where they are stored is not its business.

use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// Hashes the bytes of one entry: SHA-256 of 0x00 and the bytes.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut digest = Sha256::new();
    digest.update([0]);
    digest.update(entry);
    digest.finalize().into()
}

/// Hashes two neighbors: SHA-256 of 0x01, the left hash and the right one.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut digest = Sha256::new();
    digest.update([1]);
    digest.update(left);
    digest.update(right);
    digest.finalize().into()
}

/// The root of the tree without entries: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Where the root of a complete subtree of 2^level entries stands: the entries from
/// position * 2^level on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    pub level: u32,
    pub position: u64,
}

/// What is needed of a tree to let it grow: its size, and the roots of the complete subtrees that
/// make it up, the largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Reads a frontier of `size` entries from its peaks, 32 bytes each; `None` where their number
    /// does not fit the size.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let (peaks, rest) = bytes.as_chunks::<32>();
        let fits = rest.is_empty() && peaks.len() == size.count_ones() as usize;
        fits.then(|| Self {
            size,
            peaks: peaks.to_vec(),
        })
    }

    /// Gives the peaks as `from_bytes` reads them.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    /// Gives the number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds an entry by its hash and gives the subtrees that it completes, the smallest first.
    pub fn push(&mut self, leaf: Hash) -> Vec<(Place, Hash)> {
        let mut completed = Vec::new();
        let mut place = Place {
            level: 0,
            position: self.size,
        };
        let mut hash = leaf;
        while place.position % 2 == 1 {
            // There is a peak for every bit of the size, so for this one too.
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            place = Place {
                level: place.level + 1,
                position: place.position / 2,
            };
            completed.push((place, hash));
        }
        self.peaks.push(hash);
        self.size += 1;
        completed
    }

    /// Gives the root of the tree.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else {
            return empty_root();
        };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The entries `start .. start + count`, which are a subtree of some tree.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u64,
    count: u64,
}

impl Span {
    /// Splits a span of two entries or more as the tree does: the left part is the largest power
    /// of two below the count.
    fn split(self) -> (Span, Span) {
        let left = 1 << (63 - (self.count - 1).leading_zeros());
        let (start, count) = (self.start + left, self.count - left);
        let first = Span {
            count: left,
            ..self
        };
        (first, Span { start, count })
    }
}

/// Gives the root of a span of complete subtrees, whose roots `find` gives.
fn root_of<E>(span: Span, find: &mut impl FnMut(Place) -> Result<Hash, E>) -> Result<Hash, E> {
    if span.count.is_power_of_two() {
        let level = span.count.trailing_zeros();
        return find(Place {
            level,
            position: span.start >> level,
        });
    }
    let (left, right) = span.split();
    Ok(node_hash(&root_of(left, find)?, &root_of(right, find)?))
}

/// Gives the root of the tree of the first `size` entries.
pub fn root_at<E>(size: u64, find: &mut impl FnMut(Place) -> Result<Hash, E>) -> Result<Hash, E> {
    if size == 0 {
        return Ok(empty_root());
    }
    let whole = Span {
        start: 0,
        count: size,
    };
    root_of(whole, find)
}

/// Proves that entry `index` is in the tree of `size` entries; `index` is below `size`.
/// Source: RFC 9162, section 2.1.3.1.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    find: &mut impl FnMut(Place) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let mut span = Span {
        start: 0,
        count: size,
    };
    let mut path = Vec::new();
    while span.count > 1 {
        let (left, right) = span.split();
        let (inside, beside) = match index < right.start {
            true => (left, right),
            false => (right, left),
        };
        path.push(root_of(beside, find)?);
        span = inside;
    }
    path.reverse();
    Ok(path)
}

/// Proves that the tree of `first` entries is the beginning of the tree of `second`; `first` is
/// from 1 to `second`. Source: RFC 9162, section 2.1.4.1.
pub fn consistency_proof<E>(
    first: u64,
    second: u64,
    find: &mut impl FnMut(Place) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let mut span = Span {
        start: 0,
        count: second,
    };
    let mut proof = Vec::new();
    while first != span.start + span.count {
        let (left, right) = span.split();
        let (inside, beside) = match first <= right.start {
            true => (left, right),
            false => (right, left),
        };
        proof.push(root_of(beside, find)?);
        span = inside;
    }
    // Who checks the proof has the root of the first tree, if that is what is left.
    if span.start > 0 {
        proof.push(root_of(span, find)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Says whether `proof` shows that an entry with this hash is number `index` of the tree with
/// `size` entries and this root. Source: RFC 9162, section 2.1.3.2.
pub fn includes(leaf: Hash, (index, size): (u64, u64), proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut index, mut last) = (index, size - 1);
    let mut hash = leaf;
    for beside in proof {
        if last == 0 {
            return false;
        }
        if index % 2 == 1 || index == last {
            hash = node_hash(beside, &hash);
            while index % 2 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, beside);
        }
        index >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Says whether `proof` shows that the tree of `first` entries is the beginning of the tree of
/// `second`. Source: RFC 9162, section 2.1.4.2.
pub fn is_consistent(first: (u64, &Hash), second: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((first, first_root), (second, second_root)) = (first, second);
    if first == second {
        return proof.is_empty() && first_root == second_root;
    }
    if first == 0 || first > second {
        return first == 0 && proof.is_empty() && *first_root == empty_root();
    }
    let mut rest = proof.iter();
    let start = match first.is_power_of_two() {
        true => Some(first_root),
        false => rest.next(),
    };
    let Some(start) = start else { return false };
    let (mut index, mut last) = (first - 1, second - 1);
    while index % 2 == 1 {
        index >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (*start, *start);
    for beside in rest {
        if last == 0 {
            return false;
        }
        if index % 2 == 1 || index == last {
            old = node_hash(beside, &old);
            new = node_hash(beside, &new);
            while index % 2 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, beside);
        }
        index >>= 1;
        last >>= 1;
    }
    last == 0 && old == *first_root && new == *second_root
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
