//! What a filter means, once it is parsed: the types that the SQL translation reads.
//!
//! It never keeps a filter's spelling: aliases, quotes and keyword case are gone here, and every
//! combination that a target does not allow has been refused before a value of these types exists.

/// A boolean expression over one kind of entity.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// The empty filter: everything matches. It stands alone, never inside another expression.
    All,
    /// Every part holds; at least two parts.
    And(Vec<Expr>),
    /// At least one part holds; at least two parts.
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Comparison),
}

/// One field against one literal or list of literals.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub field: Field,
    pub op: Op,
}

/// What is compared or ordered by; the keys are the user's own, of any length and spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Metric(String),
    Param(String),
    Tag(String),
    Attribute(Attribute),
    Dataset(DatasetField),
}

/// A column of the entity itself. Which of them a target has, and under which names, is said by
/// the tables in `fields`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    Name,
    RunId,
    /// The run's name, which is the value of its tag `mlflow.runName`.
    RunName,
    UserId,
    Status,
    StatusMessage,
    ArtifactUri,
    LifecycleStage,
    /// A number for experiments; for logged models its decimal text.
    ExperimentId,
    ModelId,
    ModelType,
    SourceRunId,
    SourcePath,
    VersionNumber,
    /// Milliseconds since 1970, like the four below.
    StartTime,
    EndTime,
    CreationTime,
    LastUpdateTime,
}

/// A property of a dataset that a run has as input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DatasetField {
    Name,
    Digest,
    /// The value of the input's tag `mlflow.data.context`.
    Context,
}

/// How a field is compared. Number and text never mix: the field's kind decides.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    Number(NumberOp, Number),
    Text(TextOp, String),
    /// The list may be empty for logged models only.
    InNumber(Membership, Vec<Number>),
    /// The list may be empty for logged models only.
    InText(Membership, Vec<String>),
    /// The entity has no such key; params and tags only.
    IsNull,
    /// The entity has the key; params and tags only.
    IsNotNull,
}

/// How numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberOp {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

/// How texts are compared; equality is that of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextOp {
    Equal,
    NotEqual,
    /// `%` stands for any run of characters, `_` for one; case counts and nothing escapes.
    Like,
    /// As `Like`, but the letters A to Z equal a to z; no other letters are folded.
    ILike,
}

/// Whether a value must be in a list or must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    In,
    NotIn,
}

/// A numeric literal. Metrics are always compared with `Float`, which may be infinite but is
/// never NaN; attributes with `Integer` unless a fraction was written or 64 bits do not hold it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Integer(i64),
    Float(f64),
}
