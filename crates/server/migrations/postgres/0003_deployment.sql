-- The name of this database: drawn once, and never changed. A seat store that is kept elsewhere notes
-- whose seats it holds, so that two deployments that meet in one by mistake are told apart.
ALTER TABLE meta ADD COLUMN deployment uuid NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE meta ALTER COLUMN deployment DROP DEFAULT;
