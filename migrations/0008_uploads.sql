-- Files that clients put into the object store by themselves: the digest is empty until they are read.
create index artifacts_by_unread on artifacts (path) where sha256 = '';
