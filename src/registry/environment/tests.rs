use super::*;
use proptest::prelude::*;

/// Shows a file as lines: python, packages, then what asks for no package.
fn shown(format: Format, text: &str) -> String {
    let listed = format.parse(text).unwrap();
    let mut lines: Vec<String> = Vec::new();
    lines.extend(
        listed
            .python
            .iter()
            .map(|python| format!("python {python}")),
    );
    for package in &listed.packages {
        let mut line = format!(
            "{} {} {}",
            package.manager.name(),
            package.name,
            package.asked()
        );
        if !package.extras.is_empty() {
            line += &format!(" [{}]", package.extras.join(","));
        }
        if let Some(marker) = &package.marker {
            line += &format!(" ; {marker}");
        }
        lines.push(line);
    }
    for line in &listed.lines {
        lines.push(format!("{:?} {}: {}", line.kind, line.line, line.text));
    }
    lines.push(format!("{:?}", pinning(&listed.packages, &listed.lines)));
    lines.join("\n")
}

#[test]
fn names_are_normalized() {
    assert_eq!(normalized("Scikit_Learn"), "scikit-learn");
    assert_eq!(normalized("zope..interface-_x"), "zope-interface-x");
}

#[test]
fn requirements_as_mlflow_writes_them_are_read() {
    let text = "mlflow==3.17.2\nnumpy==2.4.6\npandas==3.1.1\npsutil==7.2.2\nscikit-learn==1.9.1\n\
                scipy==1.17.1\nskops==0.16.0";
    insta::assert_snapshot!(shown(Format::Requirements, text), @r#"
    pip mlflow 3.17.2
    pip numpy 2.4.6
    pip pandas 3.1.1
    pip psutil 7.2.2
    pip scikit-learn 1.9.1
    pip scipy 1.17.1
    pip skops 0.16.0
    Pinned
    "#);
}

#[test]
fn requirements_as_people_write_them_are_read() {
    let text = r#"
# tools
--index-url https://me:token@pypi.example/simple
-r more.txt
-c constraints.txt
-e ./lib
Torch[cuda, dist] >= 2.1, < 3 ; python_version >= "3.10"  # gpu
torch-geo (==1.0)
flask===1.0.post1
pinned==1.* 
uvicorn ~= 0.3
lib @ https://u:p@host/lib-1.0.whl ; sys_platform == "linux"
git+https://git@github.com/a/b.git@abc#egg=b&subdirectory=x
hashed==1.0 \
    --hash=sha256:aa \
    --hash=sha256:bb
./wheels/local.whl
what is this
==1.0
"#;
    insta::assert_snapshot!(shown(Format::Requirements, text), @r#"
    pip torch >=2.1,<3 [cuda,dist] ; python_version >= "3.10"
    pip torch-geo 1.0
    pip flask 1.0.post1
    pip pinned ==1.*
    pip uvicorn ~=0.3
    pip lib https://***@host/lib-1.0.whl ; sys_platform == "linux"
    pip b git+https://git@github.com/a/b.git@abc#egg=b&subdirectory=x
    pip hashed 1.0
    Option 3: --index-url https://***@pypi.example/simple
    Reference 4: -r more.txt
    Reference 5: -c constraints.txt
    Option 6: -e ./lib
    Unparsed 17: ./wheels/local.whl
    Unparsed 18: what is this
    Unparsed 19: ==1.0
    Partial
    "#);
}

#[test]
fn conda_as_mlflow_writes_it_is_read() {
    let text = "channels:\n- conda-forge\ndependencies:\n- python=3.11.7\n- pip<=23.2.1\n- pip:\n  \
                - mlflow==3.17.2\n  - numpy==2.4.6\nname: mlflow-env\n";
    insta::assert_snapshot!(shown(Format::Conda, text), @r#"
    python 3.11.7
    conda pip <=23.2.1
    pip mlflow 3.17.2
    pip numpy 2.4.6
    Channel 1: conda-forge
    Pinned
    "#);
}

#[test]
fn conda_as_people_write_it_is_read() {
    let text = "dependencies:\n- python=3.10\n- conda-forge::numpy>=1.2, <2\n- scipy=1.2.3=py_0\n\
                - cudatoolkit 11.*\n- openssl==3.0.1\n- zlib\n- 'bad[build=x]'\n- {npm: [x]}\n\
                - pip:\n  - 7\n  - -r requirements.txt\n";
    insta::assert_snapshot!(shown(Format::Conda, text), @r#"
    python 3.10
    conda numpy >=1.2,<2 [channel conda-forge]
    conda scipy 1.2.3
    conda cudatoolkit 11.*
    conda openssl 3.0.1
    conda zlib any
    Unparsed 7: bad[build=x]
    Unparsed 8: {"npm":["x"]}
    Unparsed 1: 7
    Reference 2: -r requirements.txt
    Partial
    "#);
}

#[test]
fn python_env_as_mlflow_writes_it_is_read() {
    let text = "python: 3.11.7\nbuild_dependencies:\n- pip==23.2.1\n- setuptools==65.5.0\n- wheel\n\
                dependencies:\n- -r requirements.txt\n";
    insta::assert_snapshot!(shown(Format::PythonEnv, text), @r#"
    python 3.11.7
    build pip 23.2.1
    build setuptools 65.5.0
    build wheel any
    Reference 1: -r requirements.txt
    None
    "#);
}

#[test]
fn a_lock_of_uv_is_read() {
    let text = r#"
version = 1
revision = 3
requires-python = ">=3.11"
resolution-markers = ["python_full_version >= '3.12'", "python_full_version < '3.12'"]

[[package]]
name = "churn"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "numpy", version = "1.26.4", source = { registry = "https://pypi.org/simple" } }]

[[package]]
name = "numpy"
version = "1.26.4"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version < '3.12'"]
sdist = { url = "https://files.example/numpy.tar.gz", hash = "sha256:2a", size = 1 }

[[package]]
name = "numpy"
version = "2.1.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version >= '3.12'"]

[[package]]
name = "Lib.Git"
version = "0.3"
source = { git = "https://github.com/a/b?rev=main#0123abc" }

[[package]]
version = "1"
"#;
    insta::assert_snapshot!(shown(Format::UvLock, text), @r#"
    python >=3.11
    lock churn 0.1.0 (virtual .)
    lock numpy 1.26.4 ; python_full_version < '3.12'
    lock numpy 2.1.0 ; python_full_version >= '3.12'
    lock lib-git 0.3 (git https://github.com/a/b?rev=main#0123abc)
    Unparsed 5: package 5 of the lock has no name
    Lock
    "#);
}

#[test]
fn what_cannot_be_read_is_told() {
    let told = |format: Format, text: &str| format.parse(text).unwrap_err();
    assert_eq!(told(Format::Conda, "- x"), "It is no mapping.");
    assert_eq!(told(Format::PythonEnv, ""), "It is no mapping.");
    assert_eq!(
        told(Format::UvLock, "a = 1"),
        "It has no version of its format."
    );
    assert!(told(Format::UvLock, "a = = 1").starts_with("It is not TOML: "));
    assert!(told(Format::Conda, "a: [").starts_with("It is not YAML: "));
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    let deep = 100_000;
    for text in [
        format!("version = {}", "[".repeat(deep)),
        format!("version = {}", "{a=".repeat(deep)),
        format!("version = 1\na{} = 1", ".a".repeat(deep)),
        format!("version = 1\n[a{}]", ".a".repeat(deep)),
    ] {
        let told = Format::UvLock.parse(&text).unwrap_err();
        assert!(told.starts_with("It is not TOML: "), "{told}");
    }
    let told = Format::Conda.parse(&"[".repeat(deep)).unwrap_err();
    assert!(
        told.starts_with("It is not YAML: recursion limit"),
        "{told}"
    );
}

#[test]
fn a_long_line_is_cut_and_says_so() {
    let listed = Format::Requirements.parse(&"? ".repeat(600)).unwrap();
    assert_eq!(listed.lines[0].text.chars().count(), 506);
    assert!(listed.lines[0].text.ends_with(" [cut]"));
}

fn formats() -> impl Strategy<Value = Format> {
    prop::sample::select(Format::ALL.map(|(format, _)| format).to_vec())
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(format in formats(), text in "(?s).{0,300}") {
        let _ = format.parse(&text);
    }

    #[test]
    fn no_requirement_makes_the_parser_panic(
        line in "[a-zA-Z0-9_.\\[\\]()=<>!~,;@#:/+ é\\\\-]{0,60}",
    ) {
        let _ = Format::Requirements.parse(&line);
        let text = format!("dependencies:\n- '{line}'\n- pip:\n  - '{line}'\n");
        let _ = Format::Conda.parse(&text);
        let text = format!("version=1\n[[package]]\nname='{line}'\nsource={{git='{line}'}}\n");
        let _ = Format::UvLock.parse(&text);
    }
}
